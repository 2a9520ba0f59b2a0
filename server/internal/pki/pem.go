package pki

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
)

// The types of PEM blocks.
const (
	certificateBlock = "CERTIFICATE"
	keyBlock         = "PRIVATE KEY"
)

// EncodeCertificates returns certificates in PEM, in the order given.
func EncodeCertificates(certificates ...*x509.Certificate) (encoded []byte) {
	for _, c := range certificates {
		encoded = append(encoded, pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: c.Raw})...)
	}
	return encoded
}

// EncodeKey returns a private key in PEM, as PKCS #8.
func EncodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), nil
}

// ParseCertificates reads all certificates in encoded. There must be at least one.
func ParseCertificates(encoded []byte) (found []*x509.Certificate, err error) {
	for block, rest := pem.Decode(encoded); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != certificateBlock {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	if len(found) == 0 {
		return nil, errors.New("there is no certificate in PEM")
	}
	return found, nil
}

// ParseKey reads a private key: PKCS #8, or what openssl ecparam and openssl genrsa write.
func ParseKey(encoded []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(encoded); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case keyBlock:
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if signer, ok := key.(crypto.Signer); ok {
				return signer, nil
			}
			return nil, errors.Join(errors.New("the private key can't sign"), err)
		case "EC PRIVATE KEY":
			return x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			return x509.ParsePKCS1PrivateKey(block.Bytes)
		}
	}
	return nil, errors.New("there is no private key in PEM")
}
