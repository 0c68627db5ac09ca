/* Look at many files, and link many, outside the interpreter's lock and in two threads.
 *
 * `envsync.platform.many_files` says what its functions of these names compute, and has them in Python.
 * Nothing is decided here: what isn't as expected is left to the Python code. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION "1.0"       /* as in pyproject.toml */
#define INTERFACE 1         /* as in `many_files`: what is computed, and from which arguments */
#define WORTH_A_THREAD 2000 /* files */
#define AT_ONCE 64          /* files that a thread links before it takes the next ones */
#define BILLION 1000000000

#ifdef __APPLE__
#define st_mtim st_mtimespec
#define st_ctim st_ctimespec
#endif

/* Work in numbered pieces: two threads take the next one until none is left, or one says stop. */
typedef struct Work {
    void (*piece)(struct Work *, long);
    long pieces;
    atomic_long next;
    atomic_int stop;
} Work;

static void *take(void *given) {
    Work *work = given;
    long number;
    while (!work->stop && (number = work->next++) < work->pieces) work->piece(work, number);
    return NULL;
}

static void share(Work *work, Py_ssize_t files) {
    pthread_t other;
    int pays = files >= WORTH_A_THREAD && sysconf(_SC_NPROCESSORS_ONLN) > 1;
    int shared = pays && !pthread_create(&other, NULL, take, work);
    take(work);
    if (shared) pthread_join(other, NULL);
}

static int64_t number_at(const char *numbers, int64_t at) {
    int64_t number; /* they may begin anywhere in memory */
    memcpy(&number, numbers + 8 * at, 8);
    return number;
}

static int64_t occurrences(const char *text, int64_t length, char of) {
    int64_t count = 0;
    for (const char *end = text + length; text < end && (text = memchr(text, of, end - text)); text++) count++;
    return count;
}

static PyObject *damaged(const char *what) {
    PyErr_SetString(PyExc_ValueError, what);
    return NULL;
}

static PyObject *zeros(Py_ssize_t length) {
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, length);
    if (bytes) memset(PyBytes_AsString(bytes), 0, length);
    return bytes;
}

/* The number of paths and the bytes that they take, the paths, one a line, and columns of numbers. */
typedef struct { int64_t count; const char *paths, *numbers; } Block;

/* False for a block that is not whole: nothing is read outside of it. */
static int open_block(Block *block, PyObject *bytes, int columns) {
    const char *data = PyBytes_AsString(bytes);
    int64_t room = PyBytes_Size(bytes) - 16;
    if (room < 0) return 0;
    int64_t count = number_at(data, 0), length = number_at(data, 1);
    if (count < 0 || count > room / 8 || length < 0 || length + count * 8 * columns != room) return 0;
    *block = (Block){count, data + 16, data + 16 + length};
    return !memchr(block->paths, 0, length)
        && count == (length ? occurrences(block->paths, length, '\n') + 1 : 0);
}

/* Look at the next path of a block; false where nothing has it. */
static int next_status(const char **at, const char *end, struct stat *status) {
    char path[PATH_MAX];
    const char *line = *at, *newline = memchr(line, '\n', end - line);
    size_t length = (newline ? newline : end) - line;
    *at = newline ? newline + 1 : end;
    if (length >= sizeof path) return 0;
    memcpy(path, line, length);
    path[length] = 0;
    return !lstat(path, status);
}

static int is_at(struct timespec time, int64_t expected) {
    int64_t rest = expected % BILLION, seconds = expected / BILLION; /* so nothing overflows */
    if (rest < 0) rest += BILLION, seconds--;
    return time.tv_sec == seconds && time.tv_nsec == rest;
}

typedef struct {
    Work work;
    Block *blocks;
    char *marks; /* for every folder, then for every block of files */
    int folder_mode, first;
} Look;

static void look_at(Work *work, long piece) {
    Look *look = (Look *)work;
    Block block = look->blocks[piece];
    const char *at = block.paths, *expected = block.numbers;
    int64_t count = block.count;
    struct stat status;
    for (int64_t row = 0; row < count; row++) {
        int same = next_status(&at, block.numbers, &status);
        if (piece == 0) /* the folders */
            same = same && (status.st_mode & ~S_ISGID) == (mode_t)look->folder_mode
                   && is_at(status.st_mtim, number_at(expected, row));
        else
            same = same && status.st_mode == number_at(expected, row)
                   && status.st_size == number_at(expected, count + row)
                   && is_at(status.st_mtim, number_at(expected, 2 * count + row))
                   && is_at(status.st_ctim, number_at(expected, 3 * count + row));
        if (same) continue;
        look->marks[piece ? look->blocks[0].count + piece - 1 : row] = 1;
        work->stop = look->first;
        if (piece || look->first) return;
    }
}

/* differing(folders, [files, …], folder_mode, first): the marks */
static PyObject *differing(PyObject *module, PyObject *args) {
    PyObject *folders, *given, *marks = NULL;
    Look look = {.work = {.piece = look_at}};
    if (!PyArg_ParseTuple(args, "SOip", &folders, &given, &look.folder_mode, &look.first)) return NULL;
    PyObject *files = PySequence_Tuple(given); /* nobody takes anything out of this one */
    if (!files) return NULL;
    Py_ssize_t pieces = PyTuple_Size(files) + 1, rows = 0;
    look.work.pieces = pieces;
    look.blocks = PyMem_Calloc(pieces, sizeof(Block));
    for (Py_ssize_t piece = 0; look.blocks && piece < pieces; piece++) {
        PyObject *block = piece ? PyTuple_GetItem(files, piece - 1) : folders;
        if (!PyBytes_Check(block) || !open_block(&look.blocks[piece], block, piece ? 4 : 1)) {
            damaged("a damaged block");
            goto end;
        }
        rows += look.blocks[piece].count;
    }
    marks = look.blocks ? zeros(look.blocks[0].count + pieces - 1) : PyErr_NoMemory();
    if (marks) {
        look.marks = PyBytes_AsString(marks);
        Py_BEGIN_ALLOW_THREADS
        share(&look.work, rows);
        Py_END_ALLOW_THREADS
    }
end:
    PyMem_Free(look.blocks);
    Py_DECREF(files);
    return marks;
}

typedef struct { int64_t inode, change; } Known;
typedef struct { int64_t change, inode, source_change; } Linked;
typedef struct {
    Work work;
    const char **paths, *shapes; /* all sources, then where they go; mode and size of each */
    Known *known;                /* sorted */
    int64_t count, known_count;
    Linked *linked;
} Links;

static int by_inode(const void *one, const void *other) {
    int64_t a = ((const Known *)one)->inode, b = ((const Known *)other)->inode;
    return (a > b) - (a < b);
}

static int64_t changed(const struct stat *status) { /* 0: not a time that anything is known of */
    struct timespec time = status->st_ctim;
    int is_known = time.tv_sec > 0 && time.tv_sec < INT64_MAX / BILLION;
    return is_known ? (int64_t)time.tv_sec * BILLION + time.tv_nsec : 0;
}

static void link_some(Work *work, long piece) {
    Links *links = (Links *)work;
    for (int64_t row = (int64_t)piece * AT_ONCE; row < links->count && row < (piece + 1) * AT_ONCE; row++) {
        const char *source = links->paths[row], *destination = links->paths[links->count + row];
        struct stat status;
        if (lstat(source, &status) || status.st_mode != number_at(links->shapes, 2 * row)
            || status.st_size != number_at(links->shapes, 2 * row + 1))
            continue;
        Known wanted = {(int64_t)status.st_ino, changed(&status)};
        Known *known = bsearch(&wanted, links->known, links->known_count, sizeof wanted, by_inode);
        if (!known || !wanted.change || known->change != wanted.change) continue;
        if (link(source, destination)) {
            /* One file may be gone or have too many links; else none can be linked here. */
            work->stop = work->stop || (errno != EMLINK && errno != ENOENT && errno != ENOTDIR);
            continue;
        }
        if (lstat(destination, &status)) continue;
        int64_t now = changed(&status), same = (int64_t)status.st_ino == wanted.inode;
        links->linked[row] = (Linked){now, wanted.inode, same ? now : wanted.change};
    }
}

/* link(paths, shapes, known): rows of three numbers, 0 where a file is left to others */
static PyObject *link_many(PyObject *module, PyObject *args) {
    const char *paths, *shapes, *known;
    Py_ssize_t length, shapes_length, known_length;
    if (!PyArg_ParseTuple(args, "y#y#y#", &paths, &length, &shapes, &shapes_length, &known, &known_length))
        return NULL;
    int64_t count = shapes_length / 16, known_count = known_length / 16;
    if (shapes_length % 16 || known_length % 16 || occurrences(paths, length, 0) != 2 * count
        || (length && paths[length - 1]))
        return damaged("paths and shapes of other numbers");
    Links links = {{link_some, (count + AT_ONCE - 1) / AT_ONCE}, .shapes = shapes, .count = count};
    links.paths = PyMem_Calloc(2 * count + 1, sizeof *links.paths);
    links.known = PyMem_Calloc(known_count + 1, sizeof *links.known);
    links.known_count = known_count;
    PyObject *linked = links.paths && links.known ? zeros(count * sizeof(Linked)) : PyErr_NoMemory();
    if (linked) {
        links.linked = (Linked *)PyBytes_AsString(linked);
        Py_BEGIN_ALLOW_THREADS
        for (int64_t row = 0; row < 2 * count; paths += strlen(paths) + 1) links.paths[row++] = paths;
        memcpy(links.known, known, known_length);
        qsort(links.known, known_count, sizeof *links.known, by_inode);
        share(&links.work, count);
        Py_END_ALLOW_THREADS
    }
    PyMem_Free(links.paths);
    PyMem_Free(links.known);
    return linked;
}

static PyMethodDef methods[] = {
    {"differing", differing, METH_VARARGS, NULL}, {"link", link_many, METH_VARARGS, NULL}, {0}};
static int add_numbers(PyObject *module) {
    return PyModule_AddIntConstant(module, "INTERFACE", INTERFACE)
        || PyModule_AddStringConstant(module, "__version__", VERSION) ? -1 : 0;
}
static PyModuleDef_Slot slots[] = {{Py_mod_exec, add_numbers}, {0}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "envsync_speedups", .m_methods = methods, .m_slots = slots};
PyMODINIT_FUNC PyInit_envsync_speedups(void) { return PyModuleDef_Init(&definition); }
