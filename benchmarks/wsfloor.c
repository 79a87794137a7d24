/* The floor for WebSockets: what the system itself costs. One epoll loop, no language runtime.

   wsfloor PORT ACCEPT FANOUT

   Answers each request head on 127.0.0.1:PORT with 101 and the Sec-WebSocket-Accept ACCEPT; nothing
   of the head is read but its end. Each message, which must be one masked frame, is unmasked where
   it lies and sent back, or with FANOUT 1 sent to all connections. It checks neither the protocol
   nor UTF-8, and answers no ping. */

#include "floor.h"

#include <stdint.h>

enum { INPUT = 1 << 17, KEY = 4 };

struct connection {
    int fd, open;                /* open: the handshake is over */
    unsigned char *held, *waits; /* read but not whole; not taken yet by the socket */
    size_t held_length, waits_length;
};

static struct connection *connections[MAX_FD];
static unsigned char input[INPUT];
static char *welcome;
static size_t welcome_length;
static int poller, fanout;

static void *copy_of(const void *bytes, size_t length) {
    void *copy = malloc(length);
    if (!copy) die("malloc");
    return memcpy(copy, bytes, length);
}

static void drop(struct connection *one) {
    connections[one->fd] = NULL;
    close(one->fd);
    free(one->held);
    free(one->waits);
    free(one);
}

static void watch(struct connection *one, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.fd = one->fd};
    if (epoll_ctl(poller, operation, one->fd, &event) != 0) die("epoll_ctl");
}

/* What the socket doesn't take waits. Who asks for more while it does isn't a benchmark's client. */
static void write_out(struct connection *one, const unsigned char *bytes, size_t length) {
    ssize_t sent = one->waits ? 0 : send(one->fd, bytes, length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return; /* reading will tell */
    if (sent < 0) sent = 0;
    size_t left = length - (size_t)sent;
    if (!left) return;
    if (!one->waits) watch(one, EPOLLOUT, EPOLL_CTL_MOD);
    one->waits = realloc(one->waits, one->waits_length + left);
    if (!one->waits) die("realloc");
    memcpy(one->waits + one->waits_length, bytes + sent, left);
    one->waits_length += left;
}

static void write_rest(struct connection *one) {
    unsigned char *bytes = one->waits;
    size_t length = one->waits_length;
    one->waits = NULL;
    one->waits_length = 0;
    watch(one, EPOLLIN, EPOLL_CTL_MOD);
    write_out(one, bytes, length);
    free(bytes);
}

static void unmask(unsigned char *bytes, size_t length, const unsigned char *key) {
    uint64_t both, word;
    size_t at = 0;
    memcpy(&both, key, KEY);
    memcpy((unsigned char *)&both + KEY, key, KEY);
    for (; at + 8 <= length; at += 8) {
        memcpy(&word, bytes + at, 8);
        word ^= both;
        memcpy(bytes + at, &word, 8);
    }
    for (; at < length; at++) bytes[at] ^= key[at & 3];
}

/* Returns the size of the frame that `bytes` begin with, or 0 while it isn't whole. The frame that
   goes back is shorter by the key: its head is written over the end of the other and the key. */
static size_t echo(struct connection *one, unsigned char *bytes, size_t length) {
    size_t head, size;
    unsigned char key[KEY];
    if (length < 2) return 0;
    size = bytes[1] & 127;
    head = size < 126 ? 2 : size == 126 ? 4 : 10;
    if (length < head) return 0;
    if (head > 2) {
        size = 0;
        for (size_t i = 2; i < head; i++) size = size << 8 | bytes[i];
    }
    if (size > INPUT - head - KEY) exit(2);
    if (length < head + KEY + size) return 0;
    memcpy(key, bytes + head, KEY);
    unmask(bytes + head + KEY, size, key);
    memmove(bytes + KEY, bytes, head);
    bytes[KEY + 1] &= 127;
    if (!fanout) {
        write_out(one, bytes + KEY, head + size);
    } else {
        for (int fd = 0; fd < MAX_FD; fd++)
            if (connections[fd] && connections[fd]->open)
                write_out(connections[fd], bytes + KEY, head + size);
    }
    return head + KEY + size;
}

static size_t shake_hands(struct connection *one, const unsigned char *bytes, size_t length) {
    const unsigned char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end) return 0;
    one->open = 1;
    write_out(one, (unsigned char *)welcome, welcome_length);
    return (size_t)(end + 4 - bytes);
}

static void serve(struct connection *one) {
    if (one->held) memcpy(input, one->held, one->held_length);
    ssize_t got = recv(one->fd, input + one->held_length, INPUT - one->held_length, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        drop(one);
        return;
    }
    size_t at = 0, length = one->held_length + (size_t)got, done;
    do {
        done = one->open ? echo(one, input + at, length - at)
                         : shake_hands(one, input + at, length - at);
        at += done;
    } while (done && at < length);
    free(one->held);
    one->held_length = length - at;
    one->held = one->held_length ? copy_of(input + at, one->held_length) : NULL;
}

static void let_in(int listener) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *one = fd < MAX_FD ? calloc(1, sizeof *one) : NULL;
        if (!one) die("too many connections");
        one->fd = fd;
        connections[fd] = one;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        watch(one, EPOLLIN, EPOLL_CTL_ADD);
    }
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: wsfloor PORT ACCEPT FANOUT\n");
        return 2;
    }
    fanout = atoi(argv[3]);
    int length = asprintf(&welcome,
                          "HTTP/1.1 101 Switching Protocols\r\n"
                          "upgrade: websocket\r\nconnection: upgrade\r\n"
                          "sec-websocket-accept: %s\r\n\r\n",
                          argv[2]);
    if (length < 0) die("asprintf");
    welcome_length = (size_t)length;
    int listener = listen_on(atoi(argv[1]));
    poller = poll_for(listener);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *one = connections[events[i].data.fd];
            if (events[i].data.fd == listener) let_in(listener);
            else if (one && one->waits && events[i].events & EPOLLOUT) write_rest(one);
            else if (one) serve(one);
        }
    }
}
