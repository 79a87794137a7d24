/* The load generator for WebSockets: one epoll loop, masked frames made once, whole answers
   compared.

   wsload PORT MODE CONNECTIONS MILLISECONDS MESSAGE [DEFLATED]

   MESSAGE is a file with the text that is sent. DEFLATED holds the same text compressed as RFC 7692
   7.2.1 says, within a window of 12 bits; it asks for permessage-deflate. The frame is masked with
   one fixed key: the server has to unmask it all the same. MODE is

   echo    each connection sends the message and waits for it to come back, again and again
   fanout  one connection sends it, and every connection must receive it before the next
   idle    each connection sends the message once, receives it, and stays

   When all connections are open it prints READY and waits for a line on standard input. Behind the
   load it prints OUTCOME and a JSON object, and keeps the connections until standard input ends.
   Pings are answered. Any other frame, text or delay is an error: one line and exit code 1. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum { EVENTS = 256, INPUT = 1 << 18, HEAD = 8192, PATIENCE_S = 5, SLOWEST_US = 10000000 };
enum { WINDOW_BITS = 12 }; /* that DEFLATED was made with */
enum { FIN = 0x80, RSV1 = 0x40, CONTINUATION = 0, TEXT = 1, PING = 9, PONG = 10, CONTROL = 8 };
enum mode { ECHO, FANOUT, IDLE };

struct connection {
    int fd;
    size_t unsent;          /* bytes of the frame that the socket has not taken yet */
    uint64_t asked;         /* when the message was sent, ns */
    unsigned char head[10]; /* of the frame that is being read */
    unsigned char control[125];
    int head_length, opcode, compressed, final, in_message;
    uint64_t left;  /* of the frame's payload */
    size_t seen;    /* of the message's text */
    size_t control_length;
    z_stream inflater;
};

static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==", answer_to_key[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
static unsigned char *text, *frame, input[INPUT], inflated[INPUT];
static size_t text_length, frame_length;
static int deflating, poller, count;
static enum mode mode;
static struct connection *connections;
static uint32_t *histogram; /* how many messages took so many µs */
static uint64_t messages, stop_at;
static int outstanding; /* messages that are waited for */

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static unsigned char *read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = malloc(1 << 20);
    if (!file || !bytes) fail("%s: %s", path, strerror(errno));
    *length = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

/* RFC 6455 5.2: a final frame from a client, masked. */
static size_t make_frame(unsigned char *to, int first, const unsigned char *payload, size_t length) {
    size_t at = 2;
    to[0] = (unsigned char)(FIN | first);
    if (length < 126) {
        to[1] = (unsigned char)(0x80 | length);
    } else {
        int size = length < 65536 ? 2 : 8;
        to[1] = (unsigned char)(0x80 | (size == 2 ? 126 : 127));
        for (int i = 0; i < size; i++) to[at++] = (unsigned char)(length >> 8 * (size - 1 - i));
    }
    memcpy(to + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < length; i++) to[at + i] = payload[i] ^ mask[i & 3];
    return at + length;
}

static void watch(struct connection *one, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.ptr = one};
    if (epoll_ctl(poller, operation, one->fd, &event) != 0) fail("epoll: %s", strerror(errno));
}

static void flush(struct connection *one) {
    ssize_t sent = send(one->fd, frame + frame_length - one->unsent, one->unsent, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) fail("send: %s", strerror(errno));
    size_t before = one->unsent;
    if (sent > 0) one->unsent -= (size_t)sent;
    if (one->unsent && before == frame_length) watch(one, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    if (!one->unsent && before != frame_length) watch(one, EPOLLIN, EPOLL_CTL_MOD);
}

static void ask(struct connection *one) {
    one->unsent = frame_length;
    one->asked = now();
    flush(one);
}

/* In a fan-out the first connection sends for all. */
static void start_turn(struct connection *one) {
    outstanding += mode == FANOUT ? count : 1;
    ask(mode == FANOUT ? connections : one);
}

static void message_ended(struct connection *one) {
    if (one->seen != text_length) fail("an answer of %zu bytes, not %zu", one->seen, text_length);
    uint64_t time = now();
    uint64_t took = (time - (mode == FANOUT ? connections : one)->asked) / 1000;
    histogram[took < SLOWEST_US ? took : SLOWEST_US - 1]++;
    messages++;
    if (--outstanding < 0) fail("a message that nobody sent");
    one->seen = 0;
    one->in_message = 0;
    if (time < stop_at && (mode == ECHO || (mode == FANOUT && !outstanding))) start_turn(one);
}

static void compare(struct connection *one, const unsigned char *bytes, size_t length) {
    if (one->seen + length > text_length || memcmp(text + one->seen, bytes, length) != 0)
        fail("an answer that isn't what was sent");
    one->seen += length;
}

static void inflate_some(struct connection *one, const unsigned char *bytes, size_t length) {
    one->inflater.next_in = (unsigned char *)bytes;
    one->inflater.avail_in = (unsigned)length;
    do {
        one->inflater.next_out = inflated;
        one->inflater.avail_out = INPUT;
        int outcome = inflate(&one->inflater, Z_SYNC_FLUSH);
        if (outcome != Z_OK && outcome != Z_BUF_ERROR) fail("an answer that doesn't inflate");
        compare(one, inflated, INPUT - one->inflater.avail_out);
    } while (one->inflater.avail_out == 0);
}

static void take_payload(struct connection *one, const unsigned char *bytes, size_t length) {
    if (one->opcode >= CONTROL) {
        memcpy(one->control + one->control_length, bytes, length);
        one->control_length += length;
    } else if (one->compressed) {
        inflate_some(one, bytes, length);
    } else {
        compare(one, bytes, length);
    }
    one->left -= length;
}

static void frame_ended(struct connection *one) {
    one->head_length = 0;
    if (one->opcode == PING) {
        unsigned char pong[131];
        size_t length = make_frame(pong, PONG, one->control, one->control_length);
        /* Never between the halves of a frame: the benchmark is shorter than a ping's interval. */
        if (one->unsent || send(one->fd, pong, length, MSG_NOSIGNAL) != (ssize_t)length)
            fail("a ping in the middle of a frame");
    } else if (one->opcode < CONTROL && one->final) {
        static const unsigned char tail[4] = {0, 0, 0xff, 0xff};
        if (one->compressed) inflate_some(one, tail, 4);
        message_ended(one);
    }
}

/* The head is whole: RFC 6455 5.2, from a server, so without a mask. */
static void begin_frame(struct connection *one) {
    const unsigned char *head = one->head;
    int size = head[1] == 126 ? 2 : head[1] == 127 ? 8 : 0;
    one->left = size ? 0 : head[1];
    for (int i = 0; i < size; i++) one->left = one->left << 8 | head[2 + i];
    one->opcode = head[0] & 15;
    one->final = head[0] & FIN;
    one->control_length = 0;
    int first = one->opcode == TEXT && !one->in_message;
    int next = one->opcode == CONTINUATION && one->in_message;
    if (first) one->compressed = head[0] & RSV1;
    if (one->opcode < CONTROL) one->in_message = 1;
    if (!first && !next && one->opcode != PING)
        fail("a frame of opcode %d", one->opcode);
    if (head[0] & (first && deflating ? 0x30 : 0x70) || (one->opcode >= CONTROL && one->left > 125))
        fail("a bad frame head: %02x %02x", head[0], head[1]);
}

static int head_size(const struct connection *one) {
    if (one->head_length < 2) return 2;
    return one->head[1] == 126 ? 4 : one->head[1] == 127 ? 10 : 2;
}

static void parse(struct connection *one, const unsigned char *bytes, size_t length) {
    while (length || (one->head_length >= 2 && one->head_length == head_size(one) && !one->left)) {
        if (one->head_length < head_size(one)) {
            one->head[one->head_length++] = *bytes++;
            length--;
            if (one->head_length >= 2 && one->head_length == head_size(one)) begin_frame(one);
        } else {
            size_t some = one->left < length ? (size_t)one->left : length;
            if (some) take_payload(one, bytes, some);
            bytes += some;
            length -= some;
            if (!one->left) frame_ended(one);
        }
    }
}

static void take(struct connection *one, int flags) {
    ssize_t length = recv(one->fd, input, INPUT, flags);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (!flags) fail("no answer within %d s", PATIENCE_S);
        return;
    }
    if (length <= 0) fail("the server closed the connection");
    parse(one, input, (size_t)length);
}

static void shake_hands(struct connection *one, int port) {
    char head[HEAD + 1];
    int length = snprintf(
        head, HEAD,
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s\r\n",
        port, key,
        deflating ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" : "");
    if (send(one->fd, head, (size_t)length, MSG_NOSIGNAL) != length) fail("send: %s", strerror(errno));
    char *end = NULL;
    ssize_t had = 0;
    while (!end) {
        ssize_t got = recv(one->fd, head + had, (size_t)(HEAD - had), 0);
        if (got <= 0) fail("no answer to a handshake");
        had += got;
        head[had] = 0;
        end = strstr(head, "\r\n\r\n");
    }
    if (strncmp(head, "HTTP/1.1 101 ", 13) != 0) fail("the handshake got %.12s", head);
    if (!strstr(head, answer_to_key)) fail("a wrong Sec-WebSocket-Accept");
    if (!strcasestr(head, "permessage-deflate") != !deflating)
        fail("permessage-deflate was %s", deflating ? "not agreed to" : "not asked for");
    const char *bits = strcasestr(head, "client_max_window_bits=");
    if (bits && atoi(bits + 23) < WINDOW_BITS) fail("it inflates %d bits only", atoi(bits + 23));
    parse(one, (unsigned char *)end + 4, (size_t)(head + had - end - 4));
}

static void open_connection(struct connection *one, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int yes = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    one->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (one->fd < 0) fail("socket: %s", strerror(errno));
    setsockopt(one->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(one->fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail("connect: %s", strerror(errno));
    if (deflating && inflateInit2(&one->inflater, -15) != Z_OK) fail("out of memory");
    shake_hands(one, port);
    watch(one, EPOLLIN, EPOLL_CTL_ADD);
    if (mode == IDLE) {
        start_turn(one);
        while (outstanding) take(one, 0);
    }
}

static void run(void) {
    uint64_t give_up = stop_at + PATIENCE_S * 1000000000ull;
    for (int i = 0; i < (mode == FANOUT ? 1 : count); i++) start_turn(connections + i);
    while (outstanding) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poller, events, EVENTS, 100);
        for (int i = 0; i < ready; i++) {
            struct connection *one = events[i].data.ptr;
            if (one->unsent && events[i].events & EPOLLOUT) flush(one);
            if (events[i].events & ~(uint32_t)EPOLLOUT) take(one, MSG_DONTWAIT);
        }
        if (now() > give_up) fail("%d messages without an answer", outstanding);
    }
}

static uint32_t percentile(double share) {
    uint64_t wanted = (uint64_t)((double)messages * share), below = 0;
    uint32_t at = 0;
    while (at < SLOWEST_US - 1 && (below += histogram[at]) <= wanted) at++;
    return at;
}

int main(int argc, char **argv) {
    if (argc != 6 && argc != 7) {
        fprintf(stderr, "usage: wsload PORT MODE CONNECTIONS MILLISECONDS MESSAGE [DEFLATED]\n");
        return 2;
    }
    mode = !strcmp(argv[2], "fanout") ? FANOUT : !strcmp(argv[2], "idle") ? IDLE : ECHO;
    count = atoi(argv[3]);
    deflating = argc == 7;
    size_t length;
    text = read_file(argv[5], &text_length);
    unsigned char *payload = deflating ? read_file(argv[6], &length) : text;
    if (!deflating) length = text_length;
    frame = malloc(length + 14);
    frame_length = make_frame(frame, TEXT | (deflating ? RSV1 : 0), payload, length);
    histogram = calloc(SLOWEST_US, sizeof *histogram);
    connections = calloc((size_t)count, sizeof *connections);
    poller = epoll_create1(EPOLL_CLOEXEC);
    uint64_t start = now();
    for (int i = 0; i < count; i++) open_connection(connections + i, atoi(argv[1]));
    uint64_t end = now();
    printf("READY\n");
    fflush(stdout);
    while (getchar() != '\n') {
        if (feof(stdin)) return 1;
    }
    if (mode != IDLE) {
        start = now();
        stop_at = start + strtoull(argv[4], NULL, 10) * 1000000u;
        run();
        end = now();
    }
    printf("OUTCOME {\"messages\": %llu, \"microseconds\": %llu, \"p50\": %u, \"p99\": %u}\n",
           (unsigned long long)messages, (unsigned long long)((end - start) / 1000),
           percentile(0.5), percentile(0.99));
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return 0;
}
