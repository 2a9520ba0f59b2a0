package signing

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// scalarSize is the length of r and of s, in bytes, on every curve of KMS.
const scalarSize = 32

var (
	// standard and urlSafe refuse every encoding of the same bytes but one.
	standard = base64.StdEncoding.Strict()
	urlSafe  = base64.RawURLEncoding.Strict()
)

// errForm is for a signature of a key on a curve that is not the DER of two numbers.
var errForm = errors.New("the signature of KMS is not an ASN.1 sequence of two numbers")

// A form is how signatures are written.
type form struct {
	// jws is the form of JSON Web Signatures: base64 for URLs, and on a curve r and s one after the other. Otherwise a
	// signature is as KMS makes it, in standard base64.
	jws     bool
	onCurve bool
}

func (f form) encode(signature []byte) (string, error) {
	if !f.jws {
		return standard.EncodeToString(signature), nil
	}
	if f.onCurve {
		raw := rawOf(signature)
		if raw == nil {
			return "", errForm
		}
		signature = raw
	}
	return urlSafe.EncodeToString(signature), nil
}

func (f form) decode(encoded string) ([]byte, error) {
	if !f.jws {
		signature, err := standard.DecodeString(encoded)
		if err != nil {
			return nil, refusal.BadRequest("after vault:vN:, the signature must be base64; if it is that of a JSON Web Signature, give marshaling_algorithm=jws")
		}
		if f.onCurve && rawOf(signature) == nil {
			return nil, nil
		}
		return signature, nil
	}
	signature, err := urlSafe.DecodeString(encoded)
	if err != nil {
		return nil, refusal.BadRequest("after vault:vN:, the signature must be base64 for URLs without padding, because marshaling_algorithm is jws")
	}
	if f.onCurve {
		return derOf(signature), nil
	}
	return signature, nil
}

// A pair is the DER of an ECDSA signature.
type pair struct{ R, S *big.Int }

// rawOf returns r and s of a signature in DER, each in scalarSize bytes, and nil if it is anything else.
func rawOf(der []byte) []byte {
	var p pair
	if rest, err := asn1.Unmarshal(der, &p); err != nil || len(rest) > 0 || !p.fits() {
		return nil
	}
	if again, err := asn1.Marshal(p); err != nil || !bytes.Equal(again, der) { // Unmarshal accepts more in a sequence.
		return nil
	}
	raw := make([]byte, 2*scalarSize)
	p.R.FillBytes(raw[:scalarSize])
	p.S.FillBytes(raw[scalarSize:])
	return raw
}

func (p pair) fits() bool {
	return p.R.Sign() > 0 && p.S.Sign() > 0 && p.R.BitLen() <= 8*scalarSize && p.S.BitLen() <= 8*scalarSize
}

// derOf is the inverse of rawOf. It returns nil if raw is not two numbers above zero.
func derOf(raw []byte) []byte {
	if len(raw) != 2*scalarSize {
		return nil
	}
	p := pair{new(big.Int).SetBytes(raw[:scalarSize]), new(big.Int).SetBytes(raw[scalarSize:])}
	if !p.fits() {
		return nil
	}
	der, err := asn1.Marshal(p)
	if err != nil {
		return nil
	}
	return der
}
