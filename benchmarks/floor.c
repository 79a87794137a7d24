/* The floor: what the system itself costs. One epoll loop, no language runtime, no parsing.

   floor PORT CONTENT CLOSE

   Answers each request head on 127.0.0.1:PORT with a fixed 200 and CONTENT. A head ends at an
   empty line; nothing else of it is read. With CLOSE 1 the answer says so and the connection is
   closed behind it. Requests must have no content. */

#include "floor.h"

enum { INPUT = 16384 };

/* How much of "\r\n\r\n" the bytes seen so far on each connection end with. */
static unsigned char matched[MAX_FD];

static char *answer;
static size_t answer_length;
static int close_after;

static void make_answer(const char *content) {
    int length = asprintf(&answer,
                          "HTTP/1.1 200 OK\r\n"
                          "date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                          "server: floor\r\n"
                          "content-type: text/plain\r\n"
                          "content-length: %zu\r\n%s\r\n%s",
                          strlen(content), close_after ? "connection: close\r\n" : "", content);
    if (length < 0) die("asprintf");
    answer_length = (size_t)length;
}

static int count_heads(int fd, const char *bytes, ssize_t length) {
    static const char end[] = "\r\n\r\n";
    int heads = 0;
    unsigned char at = matched[fd];
    for (ssize_t i = 0; i < length; i++) {
        if (bytes[i] == end[at]) at++;
        else at = bytes[i] == '\r';
        if (at == 4) {
            heads++;
            at = 0;
        }
    }
    matched[fd] = at;
    return heads;
}

/* Loopback takes these answers whole; a peer that lets them pile up is cut off. */
static int reply(int fd) {
    return send(fd, answer, answer_length, MSG_NOSIGNAL) == (ssize_t)answer_length;
}

static void serve(int fd) {
    char input[INPUT];
    ssize_t length = recv(fd, input, sizeof input, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length <= 0) {
        close(fd);
        return;
    }
    for (int heads = count_heads(fd, input, length); heads > 0; heads--) {
        if (!reply(fd) || close_after) {
            close(fd);
            return;
        }
    }
}

static void welcome(int poller, int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int yes = 1;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (fd >= MAX_FD || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        matched[fd] = 0;
    }
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: floor PORT CONTENT CLOSE\n");
        return 2;
    }
    close_after = atoi(argv[3]);
    make_answer(argv[2]);
    int listener = listen_on(atoi(argv[1]));
    int poller = poll_for(listener);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener) welcome(poller, listener);
            else serve(events[i].data.fd);
        }
    }
}
