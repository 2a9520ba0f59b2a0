package alicloudkms

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A gatewayName is the gateway that a call went to, for messages. It is empty if there is only one.
type gatewayName string

const (
	viaShared    gatewayName = "the shared gateway"
	viaDedicated gatewayName = "the dedicated gateway"
)

// gatewayOf returns the gateway that requests of op go to.
func (c *connection) gatewayOf(op kmsapi.Operation) gatewayName {
	switch {
	case c.dedicated == nil:
		return ""
	case c.dedicated == c && op.Plane() == kmsapi.DataPlane:
		return viaDedicated
	default:
		return viaShared
	}
}

// A gateway is one of the gateways of a connection, for health checks.
type gateway struct {
	// name is a value of the field gateway of config.
	name string
	conn *connection
	// op is what probe sends.
	op kmsapi.Operation
	// ask sends the request that best shows whether the gateway can be used.
	ask func(context.Context, *connection) (requestID string, err error)
}

// gateways returns the shared gateway, and the dedicated one if it is used.
func (c *connection) gateways() []gateway {
	all := []gateway{{name: gatewayShared, conn: c, op: kmsapi.OpDescribeRegions, ask: askRegions}}
	if c.dedicated != nil {
		all = append(all, gateway{name: gatewayDedicated, conn: c.dedicated, op: kmsapi.OpDecrypt, ask: askToDecryptNothing})
	}
	return all
}

func (g gateway) probe(ctx context.Context) (requestID string, err error) { return g.ask(ctx, g.conn) }

func (g gateway) endpoint() string { return g.conn.kms.EndpointOf(g.op) }

// askRegions needs no key and changes nothing.
func askRegions(ctx context.Context, c *connection) (string, error) {
	answer, err := call(ctx, c, &kmsapi.DescribeRegionsRequest{})
	if err != nil {
		return "", err
	}
	return answer.RequestId, nil
}

// blobOfNoKey has the form of a ciphertext: the id of a key version, a nonce, and the tag of an empty plaintext.
var blobOfNoKey = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("0", versionIDSize+12+16)))

// askToDecryptNothing sends a Decrypt that can't succeed, because a dedicated gateway serves no operation without a
// key. The refusal shows that it accepts the credentials.
func askToDecryptNothing(ctx context.Context, c *connection) (string, error) {
	_, err := call(ctx, c, &kmsapi.DecryptRequest{CiphertextBlob: blobOfNoKey})
	refused, ok := errors.AsType[*kmsapi.Error](err)
	switch {
	case err == nil:
		return "", refusal.BadGateway("%s decrypted a made-up ciphertext, so it is not a gateway of KMS", viaDedicated)
	case ok && signedIn(refused):
		return refused.RequestID, nil
	default:
		return "", err
	}
}

// signedIn reports whether a refusal of blobOfNoKey shows that KMS accepts the credentials.
func signedIn(refused *kmsapi.Error) bool {
	return refused.Code == kmsapi.ErrKeyNotFound.Code || refused.Code == kmsapi.ErrInvalidParameter.Code ||
		refused.Kind() == kmsapi.KindPermission
}

// isUntrusted reports whether the certificate of the dedicated gateway is signed by an authority that is not trusted.
func isUntrusted(err error) bool {
	failed, ok := errors.AsType[*callError](err)
	if !ok || failed.gateway != viaDedicated {
		return false
	}
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	return unknown
}
