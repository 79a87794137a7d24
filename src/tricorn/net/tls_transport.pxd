cimport cython

from tricorn.net.service cimport Service

cdef int _HANDSHAKE, _OPEN, _ENDED

cdef class TlsTransport:
    cdef public Service service
    cdef public object context, factory, incoming, outgoing, ssl, decrypt, encrypt, protocol, transport
    cdef public int state
    cdef public double deadline
    cdef public bint reading, heard, no_more, end_decrypted, end_seen, in_read
    cdef _handshake(self)
    cdef _answer_plain_text(self)
    cdef _fail(self, what, error)
    cdef str _peer(self)
    cdef _read(self)
    cdef _decrypt(self)
    @cython.locals(pieces=list)
    cdef _decrypt_on(self, data)
    cdef _end_of_client(self)
    @cython.locals(size=Py_ssize_t, done=Py_ssize_t)
    cdef _encrypt(self, data)
    cdef _flush(self)
    cdef _say_goodbye(self)
