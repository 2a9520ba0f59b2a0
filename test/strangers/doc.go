// Package strangers tests what callers without an access key's secret can do to the real service over real sockets:
// good callers must be served, and memory must stay small. Both are counted; no test fails because of time.
package strangers
