package setup

import (
	"bytes"
	"crypto/x509"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/pki"
)

// renewPeer signs a node's certificate for the others.
func (r *renewal) renewPeer(f *folder) (*RenewedNode, error) {
	current, err := f.certificate(nodeCertName)
	if err != nil {
		return nil, err
	}
	made := &RenewedNode{Expires: current.NotAfter}
	if made.Cluster, made.Name, err = peers.NameOf(current); err != nil {
		return nil, fmt.Errorf("%s: %w", f.name(nodeCertName), err)
	}
	if r.keys.nodes.key == nil {
		made.MissingKeyFile = r.keys.nodes.path
		return made, nil
	}
	_, ca, err := f.signed(nodeCertName, nodesCAName, r.keys.nodes)
	if err != nil {
		return nil, err
	}
	isNew, err := r.renewNodesCA(f, ca)
	if err != nil {
		return nil, err
	}
	if isNew {
		r.replace(f, nodesCAName, ca.Certificate)
		made.CAFile = f.name(nodesCAName)
	}
	renewed, err := r.signPeer(ca, current, made.Name)
	if err != nil {
		return nil, err
	}
	made.CertificateFile, made.Before, made.Expires = f.name(nodeCertName), current.NotAfter, renewed.NotAfter
	r.replace(f, nodeCertName, renewed)
	return made, nil
}

// signPeer returns a certificate that replaces current. It does not outlive its CA.
func (r *renewal) signPeer(ca *pki.Authority, current *x509.Certificate, name string) (*x509.Certificate, error) {
	until, err := ca.Until(r.o.Now.AddDate(caLife, 0, 0), r.o.Now)
	if err != nil {
		return nil, fmt.Errorf("%w; make another one, and certificates of it for all nodes", err)
	}
	template := pki.Node(name, current.URIs[0], r.o.Now, until)
	template.Subject = current.Subject
	return ca.Sign(template, current.PublicKey)
}

// renewNodesCA gives ca, the CA in folder f, a certificate that is valid for longer, and reports whether it did. The
// certificate is for the same key and name, so nodes still trust each other while some have the earlier one. A CA that
// another CA has signed, or that shares its file with others, stays as it is.
func (r *renewal) renewNodesCA(f *folder, ca *pki.Authority) (isNew bool, err error) {
	all, err := f.certificates(nodesCAName)
	until := r.o.Now.AddDate(caLife, 0, 0)
	if err != nil || len(all) > 1 || !isSelfSigned(ca.Certificate) || ca.Certificate.NotAfter.After(until) {
		return false, err
	}
	before := string(ca.Certificate.Raw)
	if r.nodesCAs[before] == nil {
		longer := *ca.Certificate
		longer.SerialNumber, longer.NotAfter = nil, until
		if r.nodesCAs[before], err = ca.Sign(&longer, longer.PublicKey); err != nil {
			return false, err
		}
	}
	ca.Certificate = r.nodesCAs[before]
	return true, nil
}

func isSelfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignatureFrom(c) == nil
}

// renewCopy also replaces the nodes' CA in the folder of the cluster, if it was renewed.
func (r *renewal) renewCopy(f *folder) error {
	before, err := f.certificate(nodesCAName)
	if err != nil {
		return err
	}
	if renewed := r.nodesCAs[string(before.Raw)]; renewed != nil {
		r.replace(f, nodesCAName, renewed)
	}
	return nil
}
