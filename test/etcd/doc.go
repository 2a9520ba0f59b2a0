// Command etcd runs the members of an etcd cluster on 127.0.0.1, for tests and for make dev. It is etcd's own server
// with its default limits, embedded: no machine needs to have etcd installed.
//
//	etcd -dir DIR -members 3            all members in this process, on ports that the kernel picks at the first start
//	etcd -dir DIR -member 2             one of the members that DIR/members.json lists
//
// A restart on the same folder keeps the data and the ports. When all members of the process are ready, it prints one
// line of JSON: {"members":[{"name":"m1","client":"http://127.0.0.1:1","peer":"http://127.0.0.1:2"}]}. Logs go to
// DIR/NAME.log. It stops on SIGINT and SIGTERM and, with -stdin, when its standard input ends, so that it does not
// outlive the test that started it.
//
// -tls names a folder with server.pem, server.key and client-ca.pem for clients, each of which then needs a
// certificate, and peer.pem, peer.key and peer-ca.pem for the members among themselves.
//
// -names has host names that this process resolves by itself: a test gives members of one name different addresses, so
// that each link between them can fail alone.
package main
