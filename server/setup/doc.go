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
// The folder must be empty or not exist. Init writes either all of the files or none. Everything is synced to disk when
// it returns. server.hcl is written last, so that no service starts on the remains of a crash.
//
// [InitCluster] makes the files of a service on several machines: a folder for each node, with all that it needs except
// the certificates for etcd, and beside these folders the CAs with their keys and the files for clients. In addition to
// the files of a service on one machine, the folder of a node has
//
//	nodes-ca.pem   the CA of the nodes, which signs nothing but their certificates
//	node.pem       the node's certificate for the other nodes, with its name
//	node.key       its key
//
// [AddNodes] makes the folders of more nodes, like that of an existing node.
//
// [Renew] replaces certificates by ones that are valid for longer, for the same keys. The CA of the nodes is renewed
// with their certificates, since only nodes need to trust it. Its key and name stay, so nodes with the new CA
// certificate and nodes with the old one trust each other.
//
// The CA for clients is valid for 10 years, since replacing it means a change at every client. It has no name
// constraints, since a service may get other names in that time. Clients are protected by keeping its key elsewhere.
package setup
