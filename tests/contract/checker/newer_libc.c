/* Stands for a C library of the future while one connector is linked. It is never loaded. */
int newer_than_any(void);
int newer_than_any(void) {
    return 1;
}
