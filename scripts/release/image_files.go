package main

import (
	"bytes"
	"encoding/pem"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// imageUser is the user and the group that the programs of images run as. It is for plugins too, since Vault runs them
// as their image's user.
const imageUser = "65532:65532"

// passwd and groups are the contents of /etc/passwd and /etc/group.
const (
	passwd = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"
	groups = "root:x:0:\nnonroot:x:65532:\n"
)

// certificates is where Go looks for certificate authorities first, on Linux.
const certificates = "etc/ssl/certs/ca-certificates.crt"

// imageFiles returns all files of an image: the program in the root folder, and what a Go program expects of a system.
// There is no shell.
func imageFiles(name string, program []byte) []entry {
	return []entry{
		{name, 0o755, program},
		{"etc/", 0o755, nil},
		{"etc/group", 0o644, []byte(groups)},
		{"etc/passwd", 0o644, []byte(passwd)},
		{"etc/ssl/", 0o755, nil},
		{"etc/ssl/certs/", 0o755, nil},
		{certificates, 0o644, authorities()},
		{"tmp/", 0o1777, nil},
	}
}

// authorities returns Mozilla's certificate authorities in PEM, in the version that go.sum pins. An authority that
// Mozilla trusts only for certificates issued before some day is left out, since a file can't say so.
func authorities() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return out.Bytes()
}
