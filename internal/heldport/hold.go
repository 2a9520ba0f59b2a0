// Package heldport keeps ports of 127.0.0.1 for servers that tests stop and start again. A port that nothing is bound
// to may be taken: the tests of other packages run at the same time, and the kernel may give it to one of their
// listeners before the server is back.
package heldport

import "testing"

// For returns an address of 127.0.0.1 that is held until the test ends, as host:port; see [Hold].
func For(t testing.TB) (address string) {
	t.Helper()
	address, release, err := Hold()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return address
}
