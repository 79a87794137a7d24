cimport cython

from tricorn.net.service cimport Service
from tricorn.net.tls_records cimport TlsRecords, is_one_record

cdef int _HANDSHAKE, _OPEN, _ENDED
cdef Py_ssize_t _RECORD, _PIECE

cdef class TlsTransport(TlsRecords):
    cdef public Service service
    cdef public object factory, protocol, transport, transport_write
    cdef public int state
    cdef public double deadline
    cdef public bint reading, heard, asked, no_more, end_seen, in_read
    cdef _handshake(self)
    cdef _answer_plain_text(self)
    cdef _fail(self, what, error)
    cdef str _peer(self)
    cdef _read_record(self, Py_ssize_t size)
    cdef _read(self)
    cdef _end_of_client(self)
    cdef _flush(self)
    cdef _say_goodbye(self)
