// Command bench measures what `make bench` is for: the client, the KMS service and the engine, each against a peer in
// the same run. docs/performance.md describes what is measured and how; package contest does the measuring.
//
// It builds the programs that it runs, starts them in one temporary folder on ports of 127.0.0.1 that the kernel picks,
// and stops and removes all of them however it ends.
package main
