cdef extern from *:
    """
    #include <sys/epoll.h>
    """
    struct epoll_event:
        pass

cdef enum:
    READY_MOST = 256
    PIECES_MOST = 64

cpdef object receive(int fd)
cpdef object receive_much(int fd)
cpdef Py_ssize_t transmit(int fd, data) except -1
cpdef Py_ssize_t transmit_pieces(int fd, list pieces) except -1
cpdef object accept(listener)
cpdef int close(int fd) except -1
cpdef int timer(double seconds) except -1
cpdef double monotonic() noexcept

cdef class Poller:
    cdef int _fd
    cdef int _control(self, int what, int fd, int events) except -1
    cdef epoll_event _ready[READY_MOST]
    cpdef int fileno(self)
    cpdef int add(self, int fd, int events) except -1
    cpdef int modify(self, int fd, int events) except -1
    cpdef int remove(self, int fd) except -1
    cpdef int wait(self) except -1
    cpdef int fd_at(self, int index)
    cpdef int events_at(self, int index)
    cpdef int close(self) except -1
