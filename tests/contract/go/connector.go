// A connector in Go: whole by every rule but one. Its runtime starts threads and signal handlers when the library is
// loaded and can't be unloaded, so the hub refuses it by name before any code of it runs.
package main

// #cgo CFLAGS: -I${SRCDIR}/../../../plugin-api/include
// #include "connector.h"
import "C"

//export goCreate
func goCreate() *C.syncline_instance { return nil }

func main() {}
