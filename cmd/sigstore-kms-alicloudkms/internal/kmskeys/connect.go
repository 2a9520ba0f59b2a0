package kmskeys

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/environment"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// patience limits how long a method waits for KMS, including retries. Reading a message does not count.
const patience = time.Minute

// session is the name of a role's sessions, if no variable has one.
const session = "sigstore"

// A connection is a client for one key.
type connection struct {
	kms *client.Client
	ref reference
	// instance is the KMS instance that a new key is for, and dedicated is set if its gateway is called.
	instance  string
	dedicated bool
}

// connect opens a connection to the KMS that the variables name. If they choose a dedicated gateway, it is that of the
// instance in the reference, or else of the one that they are about.
func (k *Keys) connect(ref reference) (*connection, error) {
	v, c := k.Variables, &connection{ref: ref, instance: ref.instance}
	config := client.Config{Region: ref.region, Endpoint: v.Endpoint(), UserAgent: k.UserAgent}
	var err error
	if c.dedicated, err = v.UsesDedicated(); err != nil {
		return nil, err
	}
	if c.dedicated {
		c.instance = cmp.Or(ref.instance, v.Instance())
		gateway, err := dedicatedGateway(v, c.instance)
		if err != nil {
			return nil, err
		}
		config.Instances = map[string]client.Instance{c.instance: gateway}
	}
	if config.CACert, err = environment.ReadCACert(v.CAFile()); err != nil {
		return nil, fmt.Errorf("ALICLOUD_KMS_CA: %w", err)
	}
	config.Credentials, err = v.Credentials(environment.Caller{OfProcess: true, Region: ref.region, SessionName: session})
	if err != nil {
		return nil, err
	}
	if c.kms, err = client.New(config); err != nil {
		return nil, blame(err)
	}
	if c.dedicated {
		c.kms = c.kms.Instance(c.instance)
	}
	return c, nil
}

// call is the one way to KMS. Its errors are a [*callError].
func call[A any](ctx context.Context, c *connection, q kmsapi.RequestFor[A]) (*A, error) {
	answer, err := client.Do(ctx, c.kms, q)
	if err != nil {
		op := q.Operation()
		return nil, &callError{op: op, key: c.ref.String(), endpoint: c.kms.EndpointOf(op), dedicated: c.dedicated, err: err}
	}
	return answer, nil
}

var (
	errNoInstance = errors.New("ALICLOUD_KMS_GATEWAY=dedicated needs ALICLOUD_KMS_INSTANCE_ID, or ?instance=ID in the key")
	errNoCA       = errors.New("ALICLOUD_KMS_GATEWAY=dedicated needs ALICLOUD_KMS_INSTANCE_CA, the file that the console " +
		"offers for the instance, and ALICLOUD_KMS_INSTANCE_ID, which says that it is of this instance")
)

func dedicatedGateway(v environment.Variables, instance string) (gateway client.Instance, err error) {
	if instance == "" {
		return gateway, errNoInstance
	}
	endpoint, caFile := v.Dedicated(instance)
	if caFile == "" {
		return gateway, errNoCA
	}
	gateway.Endpoint = endpoint
	if gateway.CACert, err = environment.ReadCACert(caFile); err != nil {
		return gateway, fmt.Errorf("ALICLOUD_KMS_INSTANCE_CA: %w", err)
	}
	return gateway, nil
}

// variableOf has the variables that become fields of [client.Config], and instanceVariableOf those of
// [client.Instance].
var (
	variableOf = map[string]string{
		"Region": "the region of the key", "Endpoint": "ALICLOUD_DOMAIN", "CACert": "ALICLOUD_KMS_CA",
		"Credentials": "ALICLOUD_ACCESS_KEY",
	}
	instanceVariableOf = map[string]string{
		"Endpoint": "ALICLOUD_KMS_INSTANCE_ENDPOINT", "CACert": "ALICLOUD_KMS_INSTANCE_CA",
	}
)

// blame gives an error about a field of the client's configuration the name of its variable.
func blame(err error) error {
	wrong, ok := errors.AsType[*client.ConfigError](err)
	if !ok {
		return err
	}
	name := variableOf[wrong.Field]
	if wrong.Instance != "" {
		name = instanceVariableOf[wrong.Field]
	}
	if name == "" {
		return err
	}
	return fmt.Errorf("%s %w", name, wrong.Err)
}
