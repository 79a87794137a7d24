from tricorn.asgi.wsgi_threads cimport Doorbell

cdef Py_ssize_t _MOST_BYTES, _MOST_MESSAGES

cdef class Call:
    cdef public object app, pool, context, messages, region, left_open, closes, error, failure, waiter, mail
    cdef public dict environ
    cdef public Doorbell doorbell
    cdef public bint sends_files, started, finished, gone, left, rung, wants_content, sleeps
    cdef public Py_ssize_t put_bytes, sent_bytes
    cdef public tuple content

    cpdef run(self)
    cpdef _run(self)
    cpdef _close(self)
    cdef _ring(self)
    cdef _sleep_while(self, condition)
    cpdef put_head(self, code, fields)
    cpdef put(self, bytes content)
    cpdef put_last(self, bytes content)
    cpdef put_file(self, region)
    cpdef bint _is_full(self) except -1
    cpdef bint _lacks_content(self) except -1
    cdef _check_way(self)
    cpdef look(self)
    cdef _fail(self, error)
    cdef _leave(self)
    cdef _lose_way(self)
    cdef _wake(self)
    cdef bint _is_due_to_client(self, error) except -1
