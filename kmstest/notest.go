package kmstest

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
)

// NewWithoutTest is [New] where there is no test: in TestMain, in an example, in a program. The caller calls stop,
// which stops the service and removes its data. Where a test would fail, NewWithoutTest and the methods of k panic.
func NewWithoutTest() (k *KMS, stop func()) {
	dir, err := os.MkdirTemp("", "kmstest")
	if err != nil {
		panic(err)
	}
	k = New(noTest{dir: dir})
	return k, func() {
		k.end()
		if err := os.RemoveAll(dir); err != nil {
			panic(err)
		}
	}
}

// noTest takes the place of a test. It has the methods that this package calls.
type noTest struct {
	testing.TB
	dir string
}

func (noTest) Helper() {}

func (t noTest) TempDir() string { return t.dir }

// Cleanup does nothing: stop cleans up.
func (noTest) Cleanup(func()) {}

func (noTest) Output() io.Writer { return io.Discard }

func (noTest) Context() context.Context { return context.Background() }

func (noTest) Fatal(args ...any) { panic(fmt.Sprint(args...)) }
