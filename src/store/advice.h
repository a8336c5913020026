/*
 * advice: what to do about a disk's or a file's trouble, to be said after the
 * words of SQLite or of the system. Only store's own files use it.
 */
#ifndef LULL_STORE_ADVICE_H
#define LULL_STORE_ADVICE_H

/* "; and what helps", or "". */
const char *lull_store_advice(const char *words);

#endif
