// Package etcdtest starts clusters of etcd for tests, each member as a process of its own that can be killed, stopped
// and given a full disk: the program of test/etcd, which is built when it is first needed. Only Linux has all faults.
//
//	cluster := etcdtest.Start(t, etcdtest.Options{Members: 3})
//	client, err := clientv3.New(clientv3.Config{Endpoints: cluster.Endpoints()})
//	cluster.Member(1).Kill()
//
// Links of package link are between a client and each member ([Cluster.Through]), and between members
// ([Options.Links]).
//
// Ports of 127.0.0.1 are picked by the kernel and held until the test ends, so that a restarted member gets its own. No
// member outlives the test, however that ends.
package etcdtest
