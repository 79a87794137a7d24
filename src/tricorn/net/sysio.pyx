# cython: boundscheck=False, wraparound=False
"""Leaf: system calls on plain sockets and epoll, called directly.

The twin of `sysio.py`, which holds the documentation of each name. Linux only; the
interpreted one serves the other systems.
"""

import socket as _socket

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport (
    PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE, _PyBytes_Resize,
)
from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from cpython.object cimport PyObject
from cpython.ref cimport Py_XDECREF
from libc.errno cimport EAGAIN, ECONNABORTED, EINTR, EPERM, EPROTO, errno
from libc.stdint cimport uint32_t
from libc.string cimport memset

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <errno.h>
    #include <string.h>
    #include <sys/socket.h>
    #include <sys/uio.h>
    #include <sys/epoll.h>
    #include <sys/timerfd.h>
    #include <time.h>
    #include <sys/un.h>
    #include <netinet/in.h>
    #include <arpa/inet.h>
    #include <unistd.h>

    #define TRICORN_RECEIVE (65536 + 4096)
    static char tricorn_received[TRICORN_RECEIVE];

    static inline ssize_t tricorn_recv(int fd) {
        return recv(fd, tricorn_received, TRICORN_RECEIVE, 0);
    }

    static inline ssize_t tricorn_recv_into(int fd, char *at) {
        return recv(fd, at, TRICORN_RECEIVE, 0);
    }

    typedef union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } tricorn_address;

    static inline int tricorn_accept(int fd, tricorn_address *peer) {
        socklen_t size = sizeof(*peer);
        peer->any.sa_family = AF_UNSPEC;
        return accept4(fd, &peer->any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }

    static inline int tricorn_family(const tricorn_address *peer) { return peer->any.sa_family; }

    /* inet_ntop(3) goes through printf's formatting: a new connection would feel it. */
    static inline Py_ssize_t tricorn_v4(const tricorn_address *peer, char *text) {
        const unsigned char *part = (const unsigned char *)&peer->v4.sin_addr;
        char *at = text;
        for (int index = 0; index < 4; index++) {
            unsigned int value = part[index];
            if (index) *at++ = '.';
            if (value >= 100) *at++ = (char)('0' + value / 100);
            if (value >= 10) *at++ = (char)('0' + value / 10 % 10);
            *at++ = (char)('0' + value % 10);
        }
        return at - text;
    }

    /* Up to here copying costs less than naming: this memory stays in the caches. */
    #define TRICORN_GATHERED 16896
    static char tricorn_gathered[TRICORN_GATHERED];

    static inline ssize_t tricorn_send_pieces(int fd, struct iovec *pieces, size_t count) {
        struct msghdr message = {0};
        size_t size = 0;
        for (size_t i = 0; i < count; i++) size += pieces[i].iov_len;
        if (size <= TRICORN_GATHERED) {
            char *at = tricorn_gathered;
            for (size_t i = 0; i < count; i++) {
                memcpy(at, pieces[i].iov_base, pieces[i].iov_len);
                at += pieces[i].iov_len;
            }
            return send(fd, tricorn_gathered, size, MSG_NOSIGNAL);
        }
        message.msg_iov = pieces;
        message.msg_iovlen = count;
        return sendmsg(fd, &message, MSG_NOSIGNAL);
    }

    static inline int tricorn_control(int set, int what, int fd, uint32_t events) {
        struct epoll_event event;
        event.events = events;
        event.data.u64 = 0;
        event.data.fd = fd;
        return epoll_ctl(set, what, fd, &event);
    }

    static inline int tricorn_timer(double seconds) {
        struct itimerspec every;
        int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        if (fd < 0) return -1;
        every.it_interval.tv_sec = (time_t)seconds;
        every.it_interval.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9);
        every.it_value = every.it_interval;
        if (timerfd_settime(fd, 0, &every, NULL) == 0) return fd;
        int because = errno;
        close(fd);
        errno = because;
        return -1;
    }

    static inline double tricorn_monotonic(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    }

    static inline int tricorn_event_fd(struct epoll_event *events, int index) {
        return events[index].data.fd;
    }

    static inline int tricorn_event_bits(struct epoll_event *events, int index) {
        return (int)events[index].events;
    }
    """
    ctypedef struct tricorn_address:
        pass
    struct iovec:
        void* iov_base
        size_t iov_len
    ssize_t tricorn_send_pieces(int fd, iovec* pieces, size_t count) nogil
    ssize_t tricorn_recv(int fd) nogil
    ssize_t tricorn_recv_into(int fd, char* at) nogil
    const char* tricorn_received
    int TRICORN_RECEIVE
    int tricorn_accept(int fd, tricorn_address* peer) nogil
    int tricorn_family(const tricorn_address* peer) nogil
    Py_ssize_t tricorn_v4(const tricorn_address* peer, char* text) nogil
    int tricorn_control(int set, int what, int fd, uint32_t events) nogil
    int tricorn_timer(double seconds) nogil
    double tricorn_monotonic() noexcept nogil
    int tricorn_event_fd(epoll_event* events, int index) nogil
    int tricorn_event_bits(epoll_event* events, int index) nogil
    ssize_t send(int fd, const void* data, size_t size, int flags) nogil
    int c_close "close"(int fd) nogil
    int epoll_create1(int flags) nogil
    int epoll_wait(int set, epoll_event* events, int most, int timeout) nogil
    int AF_INET, AF_INET6, MSG_NOSIGNAL
    int EPOLLIN, EPOLLOUT, EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL


cdef extern from *:
    """
    static inline int tricorn_port(const tricorn_address *peer) { return ntohs(peer->v4.sin_port); }
    """
    int tricorn_port(const tricorn_address* peer) nogil

READABLE = EPOLLIN
WRITABLE = EPOLLOUT
RECEIVE_SIZE = TRICORN_RECEIVE
READY_AT_ONCE = READY_MOST
PIECES_AT_ONCE = PIECES_MOST
HAS_EPOLL = True
HAS_TIMER = True


# Beside what a call has received or sent: a signal came between, or nothing is there.
cdef enum:
    INTERRUPTED = -2
    NOTHING = -3


cdef inline Py_ssize_t _outcome(ssize_t size, Py_ssize_t nothing) except -1:
    """What a call has moved; `nothing` when the system can't, INTERRUPTED to call again."""
    if size >= 0:
        return size
    if errno == EAGAIN:
        return nothing
    if errno != EINTR:
        PyErr_SetFromErrno(OSError)
    PyErr_CheckSignals()
    return INTERRUPTED


cpdef object receive(int fd):
    cdef Py_ssize_t size = INTERRUPTED
    while size == INTERRUPTED:
        size = _outcome(tricorn_recv(fd), NOTHING)
    return None if size == NOTHING else PyBytes_FromStringAndSize(tricorn_received, size)


cdef extern from "Python.h":
    PyObject* new_bytes "PyBytes_FromStringAndSize"(const char* text, Py_ssize_t size) except NULL


cpdef object receive_much(int fd):
    # Nobody else sees the object before it has its size, as _PyBytes_Resize asks for.
    cdef PyObject* whole = new_bytes(NULL, RECEIVE_SIZE)
    cdef Py_ssize_t size = INTERRUPTED
    try:
        while size == INTERRUPTED:
            size = _outcome(tricorn_recv_into(fd, PyBytes_AS_STRING(<object>whole)), NOTHING)
        if size == NOTHING:
            return None
        _PyBytes_Resize(&whole, size)
        return <object>whole
    finally:
        Py_XDECREF(whole)


cpdef Py_ssize_t transmit(int fd, data) except -1:
    cdef Py_buffer view
    if type(data) is bytes:
        return _send(fd, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        return _send(fd, <const char*>view.buf, view.len)
    finally:
        PyBuffer_Release(&view)


cdef Py_ssize_t _send(int fd, const char* text, Py_ssize_t size) except -1:
    cdef Py_ssize_t sent = INTERRUPTED
    while sent == INTERRUPTED:
        sent = _outcome(send(fd, text, <size_t>size, MSG_NOSIGNAL), 0)
    return sent


cpdef Py_ssize_t transmit_pieces(int fd, list pieces) except -1:
    cdef iovec parts[PIECES_MOST]
    cdef Py_buffer views[PIECES_MOST]
    cdef int count = 0, held = 0, index
    cdef object piece
    try:
        for piece in pieces:
            if count == PIECES_MOST:
                break
            if type(piece) is bytes:
                parts[count].iov_base = PyBytes_AS_STRING(piece)
                parts[count].iov_len = <size_t>PyBytes_GET_SIZE(piece)
            else:
                PyObject_GetBuffer(piece, &views[held], PyBUF_SIMPLE)
                parts[count].iov_base = views[held].buf
                parts[count].iov_len = <size_t>views[held].len
                held += 1
            count += 1
        return _send_pieces(fd, parts, count)
    finally:
        for index in range(held):
            PyBuffer_Release(&views[index])


cdef Py_ssize_t _send_pieces(int fd, iovec* parts, int count) except -1:
    cdef Py_ssize_t sent = INTERRUPTED
    while sent == INTERRUPTED:
        sent = _outcome(tricorn_send_pieces(fd, parts, <size_t>count), 0)
    return sent


cpdef object accept(listener):
    cdef tricorn_address peer
    cdef char text[64]
    cdef int fd, listening = listener.fileno()
    memset(&peer, 0, sizeof(peer))
    fd = tricorn_accept(listening, &peer)
    if fd < 0:
        if errno in (EAGAIN, EINTR, ECONNABORTED, EPERM, EPROTO):
            return None
        PyErr_SetFromErrno(OSError)
    if tricorn_family(&peer) == AF_INET:
        return fd, (text[: tricorn_v4(&peer, text)].decode("ascii"), tricorn_port(&peer))
    if tricorn_family(&peer) == AF_INET6:
        return fd, _peer_of(fd)
    return fd, ""


cdef object _peer_of(int fd):
    """Ask Python for an IPv6 address, which has scopes and flows."""
    try:
        borrowed = _socket.socket(fileno=fd)
    except OSError:
        return ""
    try:
        return borrowed.getpeername()
    except OSError:
        return ""
    finally:
        borrowed.detach()


cpdef int close(int fd) except -1:
    # Linux frees the descriptor even when close(2) is interrupted.
    if c_close(fd) != 0 and errno != EINTR:
        PyErr_SetFromErrno(OSError)
    return 0


cpdef int timer(double seconds) except -1:
    cdef int fd = tricorn_timer(seconds)
    if fd < 0:
        PyErr_SetFromErrno(OSError)
    return fd


cpdef double monotonic() noexcept:
    return tricorn_monotonic()


cdef class Poller:
    def __cinit__(self):
        self._fd = epoll_create1(EPOLL_CLOEXEC)
        if self._fd < 0:
            PyErr_SetFromErrno(OSError)

    def __dealloc__(self):
        if self._fd >= 0:
            c_close(self._fd)

    cpdef int fileno(self):
        return self._fd

    cpdef int add(self, int fd, int events) except -1:
        return self._control(EPOLL_CTL_ADD, fd, events)

    cpdef int modify(self, int fd, int events) except -1:
        return self._control(EPOLL_CTL_MOD, fd, events)

    cpdef int remove(self, int fd) except -1:
        return self._control(EPOLL_CTL_DEL, fd, 0)

    cdef int _control(self, int what, int fd, int events) except -1:
        if tricorn_control(self._fd, what, fd, <uint32_t>events) != 0:
            PyErr_SetFromErrno(OSError)
        return 0

    cpdef int wait(self) except -1:
        cdef int count = epoll_wait(self._fd, self._ready, READY_MOST, 0)
        if count < 0:
            if errno == EINTR:
                return 0
            PyErr_SetFromErrno(OSError)
        return count

    cpdef int fd_at(self, int index):
        return tricorn_event_fd(self._ready, index)

    cpdef int events_at(self, int index):
        return tricorn_event_bits(self._ready, index)

    cpdef int close(self) except -1:
        cdef int fd = self._fd
        self._fd = -1
        if fd >= 0:
            c_close(fd)
        return 0
