// Versions of this API, as a connector was compiled against them.
#ifndef SYNCLINE_VERSION_H
#define SYNCLINE_VERSION_H

// The version of these files as a package (CMake reads these three lines).
#define SYNCLINE_API_VERSION_MAJOR 0
#define SYNCLINE_API_VERSION_MINOR 1
#define SYNCLINE_API_VERSION_PATCH 0

// The version of the binary interface. A host loads a connector only if the majors are equal, the
// drafts are equal, and the connector's `min_host_minor` is not above the host's minor. A major of
// its own has an entry symbol of its own.
#define SYNCLINE_ABI_MAJOR 1
// Counts incompatible changes before the interface is frozen; 0 from then on.
#define SYNCLINE_ABI_DRAFT 2
// Grows with each compatible addition: a table, a slot at the end of a table, a field at the end of
// a struct.
#define SYNCLINE_ABI_MINOR 3

#endif
