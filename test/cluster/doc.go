// Package cluster tests the KMS service on several machines: three nodes on an etcd of three members, and everything
// that can happen to them.
//
// Callers work all the time (package load) while a nemesis makes things go wrong, one or two at a time: kill -9,
// SIGSTOP and SIGTERM of nodes, kill -9 and SIGSTOP of members, links between any two of them and to the callers that
// are cut, slow, half open or lose answers, full disks, a full etcd, compaction. Once all is well again, everything is
// read, and what the callers have seen is judged (package history). `alicloudkms check` walks a backup of the store.
//
// Another test runs the nodes in its own process, on clocks that jump. One measures how long the service is away when
// the active node is lost. One makes a Vault, and a stand-in for OpenBao, unseal again and again through each loss,
// behind a balancer, while another Vault encrypts and decrypts with the engine. With $BAO_BIN, an OpenBao unseals too.
//
//	go test -C test/cluster . -args -rounds 200 -seed 7
//
// The seed determines all choices, but not how the kernel schedules processes.
package cluster
