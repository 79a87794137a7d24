cdef object _swap
cdef dict _current

cpdef bint enter(loop, task) except -1
cpdef leave(loop)
cpdef bint can_replace()
cpdef object replace(loop, task)
cpdef object current(loop)
