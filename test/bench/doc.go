// Command bench measures what `make bench` is for: the client, the KMS service and the engine, each against a peer in the same
// run. docs/performance.md tells what is measured and how; package contest does the measuring.
//
// It builds the programs that it runs, starts them on ports of 127.0.0.1 that the kernel picks, in one temporary folder, and
// ends and removes all of it however it ends itself.
package main
