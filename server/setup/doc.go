// Package setup makes the files of a new KMS service: its root key, a CA and a certificate, an access key and its
// configuration. The service starts with them as they are. The package makes no compatibility promise: it is what
// `alicloudkms init` does.
//
// [Init] fills a folder:
//
//	server.hcl     the configuration. Its paths are relative, so that the folder can be moved
//	root.key       wraps all other keys
//	tls.pem        the certificate, for the hosts of the service
//	tls.key        its key
//	ca.pem         the CA that signed it, which clients must trust
//	ca.key         the CA's key, which signs the next certificate. The service does not need it
//	admin.secret   of an access key that may do everything
//	admin.env      the variables that clients need to use the service with that access key
//
// It fills a folder that does not exist or is empty, and either writes all of the files or none. Everything is synced
// to disk when it returns. server.hcl is written last, so that nothing starts on what is left of a crash.
//
// [InitCluster] makes those of a service on several machines: a folder for each node, with all that it needs but the
// certificates for etcd, and beside them the CAs with their keys and what is for clients. The folder of a node is as
// that of a service on one machine, and has besides
//
//	nodes-ca.pem   the CA of the nodes, which signs nothing but their certificates
//	node.pem       the node's certificate for the other nodes, with its name
//	node.key       its key
//
// [AddNodes] makes the folders of more nodes, each like one that there is.
//
// [Renew] replaces certificates by ones that are valid for longer, for the same keys. The CA of the nodes is renewed
// with their certificates, since only they have to know it: its key and its name stay, so that nodes that have the new
// certificate and nodes that have the old one believe each other.
//
// The CA is kept for 10 years, since every client must be given a new one. It has no name constraints: a service gets
// other names in that time. What protects clients is that its key is somewhere else.
package setup
