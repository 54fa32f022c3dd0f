// The clients of the measurement, as light as they can be: they share the processors with what they measure.
//
//   load claim  SOCKET CLIENTS SECONDS IDS-FILE   kanband: claim and complete each task of the file
//   load create SOCKET CLIENTS SECONDS BATCH MAX  kanband: create tasks, BATCH in a request, at most MAX requests (0: no bound)
//   load list   SOCKET CLIENTS SECONDS            kanband: the fifty newest tasks
//   load take   PORT   CLIENTS SECONDS            beanstalkd: reserve and delete
//   load put    PORT   CLIENTS SECONDS MAX        beanstalkd: put jobs of 64 bytes
//   load spawn  COUNT  WIDTH PROGRAM              start and wait for a program, WIDTH at a time
//   load stamp  SOCKET                            send the time of the first instruction of main, as a worker
//
// A client has one request open at a time. The result is one JSON object: units of work, seconds, errors, median and p99 of a unit.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REPLY_MAX = 4 << 20, BODY_MAX = 64 << 10, ID_MAX = 24 };

extern char **environ;

struct client {
    pthread_t thread;
    int fd;
    char *reply;
    char *body;
    double *took_seconds;
    size_t count, room;
    long errors;
};

static const char *target, *program;
static double end_at;
static long batch = 1, requests_max;
static char (*ids)[ID_MAX];
static long id_count;
static atomic_long next_one;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double clock_now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double now(void) { return clock_now(CLOCK_MONOTONIC); }

static struct sockaddr_un address_of(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

static int connect_unix(void) {
    struct sockaddr_un address = address_of(target);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail(target);
    return fd;
}

static int connect_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(target))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void send_all(int fd, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = write(fd, bytes, length);
        if (sent <= 0) fail("write");
        bytes += sent;
        length -= (size_t)sent;
    }
}

// Reads on until `is_whole` is content; the reply ends with a zero.
static void receive(struct client *client, bool (*is_whole)(const char *, size_t)) {
    size_t length = 0;
    do {
        ssize_t got = read(client->fd, client->reply + length, REPLY_MAX - 1 - length);
        if (got <= 0) fail("read");
        length += (size_t)got;
        client->reply[length] = 0;
    } while (!is_whole(client->reply, length));
}

static bool is_whole_http(const char *reply, size_t length) {
    const char *end = strstr(reply, "\r\n\r\n");
    if (!end) return false;
    const char *field = strcasestr(reply, "\r\ncontent-length:");
    if (!field || field > end) {
        fputs("load: a reply without a length\n", stderr);
        exit(1);
    }
    return length >= (size_t)(end + 4 - reply) + strtoul(field + 17, NULL, 10);
}

// Lines of beanstalkd: only a reserved job has a body, as many bytes as its line says.
static bool is_whole_line(const char *reply, size_t length) {
    unsigned long id, size;
    const char *end = strstr(reply, "\r\n");
    if (!end) return false;
    if (sscanf(reply, "RESERVED %lu %lu", &id, &size) != 2) return true;
    return length >= (size_t)(end + 2 - reply) + size + 2;
}

static void request(struct client *client, const char *method, const char *path, const char *body) {
    char head[256];
    int length = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nhost: kanband\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n",
                          method, path, strlen(body));
    // One write: two would wake the other side twice.
    memmove(client->body + length, body, strlen(body) + 1);
    memcpy(client->body, head, (size_t)length);
    send_all(client->fd, client->body, strlen(client->body));
    receive(client, is_whole_http);
    if (strncmp(client->reply, "HTTP/1.1 2", 10) != 0) client->errors++;
}

static bool claim_one(struct client *client) {
    char path[64];
    long one = atomic_fetch_add(&next_one, 1);
    if (one >= id_count) return false;
    snprintf(path, sizeof path, "/v1/tasks/%s/claim", ids[one]);
    request(client, "POST", path, "{}");
    snprintf(path, sizeof path, "/v1/tasks/%s/complete", ids[one]);
    request(client, "POST", path, "{\"summary\":\"done\"}");
    return true;
}

static bool create_some(struct client *client) {
    static _Thread_local char text[BODY_MAX - 512];
    if (requests_max > 0 && atomic_fetch_add(&next_one, 1) >= requests_max) return false;
    if (batch == 1) {
        request(client, "POST", "/v1/tasks", "{\"title\":\"one of many tasks\"}");
        return true;
    }
    int length = sprintf(text, "{\"tasks\":[");
    for (long one = 0; one < batch; one++) length += sprintf(text + length, "%s{\"title\":\"one of many tasks\"}", one ? "," : "");
    sprintf(text + length, "]}");
    request(client, "POST", "/v1/tasks/batch", text);
    return true;
}

static bool list_once(struct client *client) {
    request(client, "GET", "/v1/tasks?limit=50", "");
    return true;
}

static bool take_one(struct client *client) {
    unsigned long id, size;
    char line[64];
    send_all(client->fd, "reserve-with-timeout 0\r\n", 24);
    receive(client, is_whole_line);
    if (sscanf(client->reply, "RESERVED %lu %lu", &id, &size) != 2) return false;
    send_all(client->fd, line, (size_t)snprintf(line, sizeof line, "delete %lu\r\n", id));
    receive(client, is_whole_line);
    if (strncmp(client->reply, "DELETED", 7) != 0) client->errors++;
    return true;
}

static bool put_one(struct client *client) {
    if (requests_max > 0 && atomic_fetch_add(&next_one, 1) >= requests_max) return false;
    char line[128];
    int length = snprintf(line, sizeof line, "put 1024 0 600 64\r\n%064d\r\n", 1);
    send_all(client->fd, line, (size_t)length);
    receive(client, is_whole_line);
    if (strncmp(client->reply, "INSERTED", 8) != 0) client->errors++;
    return true;
}

static bool spawn_one(struct client *client) {
    if (atomic_fetch_add(&next_one, 1) >= requests_max) return false;
    char *arguments[] = {(char *)program, NULL};
    pid_t pid;
    int status;
    if (posix_spawn(&pid, program, NULL, NULL, arguments, environ) != 0) fail(program);
    if (waitpid(pid, &status, 0) != pid || status != 0) client->errors++;
    return true;
}

static bool (*work)(struct client *);
static int (*dial)(void);

static void *run_client(void *argument) {
    struct client *client = argument;
    client->fd = dial ? dial() : -1;
    client->reply = malloc(REPLY_MAX);
    client->body = malloc(BODY_MAX);
    for (double before = now(); before < end_at;) {
        if (!work(client)) break;
        double after = now();
        if (client->count == client->room) {
            client->room = client->room ? client->room * 2 : 1024;
            client->took_seconds = realloc(client->took_seconds, client->room * sizeof(double));
        }
        client->took_seconds[client->count++] = after - before;
        before = after;
    }
    if (client->fd >= 0) close(client->fd);
    return NULL;
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void run(long client_count, double seconds) {
    struct client *clients = calloc((size_t)client_count, sizeof *clients);
    double started_at = now();
    end_at = started_at + seconds;
    for (long one = 0; one < client_count; one++)
        if (pthread_create(&clients[one].thread, NULL, run_client, &clients[one]) != 0) fail("pthread_create");
    size_t count = 0, filled = 0;
    long errors = 0;
    for (long one = 0; one < client_count; one++) {
        pthread_join(clients[one].thread, NULL);
        count += clients[one].count;
        errors += clients[one].errors;
    }
    double took = now() - started_at, *all = malloc((count + 1) * sizeof(double));
    for (long one = 0; one < client_count; one++)
        for (size_t at = 0; at < clients[one].count; at++) all[filled++] = clients[one].took_seconds[at];
    qsort(all, count, sizeof *all, compare);
    double p50 = count ? all[count / 2] : 0, p99 = count ? all[count * 99 / 100] : 0;
    printf("{\"count\": %zu, \"seconds\": %.6f, \"errors\": %ld, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", count * (size_t)batch, took, errors,
           p50 * 1e6, p99 * 1e6);
}

static void read_ids(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    for (long room = 0;; id_count++) {
        if (id_count == room) ids = realloc(ids, (size_t)(room = room ? room * 2 : 1024) * ID_MAX);
        if (fscanf(file, "%23s", ids[id_count]) != 1) break;
    }
    fclose(file);
}

static int stamp(const char *path, double at) {
    struct sockaddr_un address = address_of(path);
    char text[32];
    int length = snprintf(text, sizeof text, "%.9f", at);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return sendto(fd, text, (size_t)length, 0, (struct sockaddr *)&address, sizeof address) != length;
}

int main(int count, char **words) {
    double at = clock_now(CLOCK_REALTIME);
    const char *kind = count > 2 ? words[1] : "";
    if (strcmp(kind, "stamp") == 0) return stamp(words[2], at);
    if (count < 5) return 2;
    target = words[2];
    dial = strcmp(kind, "take") && strcmp(kind, "put") ? connect_unix : connect_port;
    if (strcmp(kind, "spawn") == 0) {
        requests_max = atol(words[2]);
        program = words[4];
        dial = NULL;
        work = spawn_one;
        run(atol(words[3]), 3600);
        return 0;
    }
    if (strcmp(kind, "claim") == 0 && count > 5) work = claim_one, read_ids(words[5]);
    if (strcmp(kind, "create") == 0 && count > 6) work = create_some, batch = atol(words[5]), requests_max = atol(words[6]);
    if (strcmp(kind, "list") == 0) work = list_once;
    if (strcmp(kind, "take") == 0) work = take_one;
    if (strcmp(kind, "put") == 0 && count > 5) work = put_one, requests_max = atol(words[5]);
    if (!work) return 2;
    run(atol(words[3]), atof(words[4]));
    return 0;
}
