// Package coredump searches the memory of a process for keys, as an attacker would in a core dump of it. It is for
// tests.
package coredump

import (
	"reflect"
	"unsafe"
)

// Memory returns the bytes of the object that the pointer in expanded points to, not a copy of them.
func Memory(expanded any) []byte {
	v := reflect.ValueOf(expanded)
	return unsafe.Slice((*byte)(v.UnsafePointer()), v.Elem().Type().Size())
}
