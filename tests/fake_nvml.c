/* A stand-in for libnvidia-ml.so.1. Its GPUs and troubles are in the environment:
 *
 * FAKE_NVML="NAME:TOTAL_MIB:FREE_MIB;..."  a name that begins with + is a part (MIG) of the GPU before it; a GPU whose
 *                                          name begins with / is divided.
 * FAKE_NVML_TROUBLE="FUNCTION=CODE"        that call returns the code; "=hang" and "=crash" do what they say; with
 *                                          "@N" behind it only for the N-th item, counted from 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (1024ULL * 1024ULL)
#define INVALID_ARGUMENT 2
#define NOT_SUPPORTED 3
#define NOT_FOUND 6
#define MAX_ITEMS 16
#define TROUBLE(item) do { int code = trouble(__func__, item); if (code) return code; } while (0)

struct item { char name[96]; unsigned long long total, free; };
struct memory { unsigned long long total, free, used; };

static struct item items[MAX_ITEMS];
static int count;

static int trouble(const char *function, const struct item *item) {
    const char *wanted = getenv("FAKE_NVML_TROUBLE");
    size_t length = strlen(function);
    if (!wanted || strncmp(wanted, function, length) || wanted[length] != '=') return 0;
    const char *what = wanted + length + 1, *only = strchr(what, '@');
    if (only && item != items + atoi(only + 1)) return 0;
    if (!strncmp(what, "hang", 4)) for (;;) pause();
    if (!strncmp(what, "crash", 5)) abort();
    return atoi(what);
}

static int is_part(const struct item *item) { return item->name[0] == '+'; }

int nvmlInitWithFlags(unsigned int flags) {
    (void)flags;
    TROUBLE(NULL);
    const char *text = getenv("FAKE_NVML");
    for (count = 0; text && *text && count < MAX_ITEMS; count++) {
        struct item *item = items + count;
        if (sscanf(text, "%95[^:]:%llu:%llu", item->name, &item->total, &item->free) != 3) break;
        text = strchr(text, ';');
        if (text) text++;
    }
    return 0;
}

int nvmlShutdown(void) { return 0; }

const char *nvmlErrorString(int code) { return code == 999 ? "Unknown Error" : "Some Error"; }

int nvmlSystemGetDriverVersion(char *text, unsigned int size) {
    TROUBLE(NULL);
    snprintf(text, size, "%s", "550.54.14");
    return 0;
}

int nvmlDeviceGetCount_v2(unsigned int *found) {
    TROUBLE(NULL);
    *found = 0;
    for (int i = 0; i < count; i++) *found += !is_part(items + i);
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, struct item **handle) {
    for (int i = 0; i < count; i++)
        if (!is_part(items + i) && index-- == 0) {
            TROUBLE(items + i);
            *handle = items + i;
            return 0;
        }
    return INVALID_ARGUMENT;
}

int nvmlDeviceGetName(struct item *item, char *name, unsigned int size) {
    TROUBLE(item);
    snprintf(name, size, "%s", item->name + (item->name[0] == '+' || item->name[0] == '/'));
    return 0;
}

int nvmlDeviceGetMemoryInfo(struct item *item, struct memory *memory) {
    TROUBLE(item);
    memory->total = item->total * MIB;
    memory->free = item->free * MIB;
    memory->used = memory->total - memory->free;
    return 0;
}

int nvmlDeviceGetMigMode(struct item *item, unsigned int *current, unsigned int *pending) {
    TROUBLE(item);
    *current = *pending = item->name[0] == '/';
    return item->name[0] == '/' ? 0 : NOT_SUPPORTED;
}

int nvmlDeviceGetMaxMigDeviceCount(struct item *item, unsigned int *slots) {
    TROUBLE(item);
    *slots = 7;
    return 0;
}

int nvmlDeviceGetMigDeviceHandleByIndex(struct item *item, unsigned int index, struct item **handle) {
    TROUBLE(item);
    for (struct item *part = item + 1; part < items + count && is_part(part); part++)
        if (index-- == 0) {
            *handle = part;
            return 0;
        }
    return NOT_FOUND;
}
