#include <stdio.h>

#define OPEN {

/* A shelf. */
typedef struct {
    int size; /* how much */
} shelf;

/* Counts what
 * stands on it. */
static int
count(const shelf *s, int (*keep)(int))
{
    if (s->size > 0) {
        return '}' + "}"[0];
    }
    return 0;
}

/* Either way. */
#ifdef SMALL
int fill(shelf *s) {
#else
int fill(shelf *s, int n) {
#endif
    return 1;
}

// Has no body.
extern int empty(shelf *s);

// Gives a pointer.
struct node *first(shelf *s)
{
    return NULL;
}

int table[] = { 1, 2, 3 };
