package alicloudkms

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	// An account may call GetKmsInstance once a second, and all nodes and mounts share that quota.
	instancePause = time.Second
	// instanceRounds is how many times to ask before giving up.
	instanceRounds = 5
)

// completeConfig reads the CA of the dedicated gateway if the caller did not give it, and tries the configuration. If
// the gateway's certificate does not verify with a CA that was read earlier, it reads the CA again, once.
func (b *backend) completeConfig(ctx context.Context, c *config, verify bool) error {
	known := c.Instance.CACert
	if c.Instance.lacksCA() {
		if err := b.learnCA(ctx, c); err != nil {
			return err
		}
	}
	err := b.tryConfig(ctx, c, verify)
	if known == "" || !c.Instance.CALearned || !isUntrusted(err) {
		return err
	}
	if again := b.learnCA(ctx, c); again != nil || c.Instance.CACert == known {
		return err
	}
	return b.tryConfig(ctx, c, verify)
}

// learnCA asks the shared gateway for the CA of the dedicated gateway.
func (b *backend) learnCA(ctx context.Context, c *config) error {
	shared := *c
	shared.Instance.Gateway = gatewayShared
	conn, err := b.connect(&shared)
	if err != nil {
		return err
	}
	defer conn.close()
	details, err := describeInstance(ctx, conn, c.Instance.ID)
	if err != nil {
		return err
	}
	if details.CaCertificateChainPem == "" {
		return refusal.Conflict("KMS has no CA certificate of the instance %s, which has the status %q. Enable the instance, or give instance_ca_cert",
			c.Instance.ID, details.Status)
	}
	c.Instance.CACert, c.Instance.CALearned = details.CaCertificateChainPem, true
	return nil
}

// describeInstance waits and asks again if others use up the account's quota.
func describeInstance(ctx context.Context, c *connection, id string) (kmsapi.InstanceDetails, error) {
	for round := 1; ; round++ {
		answer, err := call(ctx, c, &kmsapi.GetKmsInstanceRequest{KmsInstanceId: id})
		if err == nil {
			return answer.KmsInstance, nil
		}
		refused, ok := errors.AsType[*kmsapi.Error](err)
		if !ok || refused.Kind() != kmsapi.KindThrottle || round == instanceRounds {
			return kmsapi.InstanceDetails{}, err
		}
		select {
		case <-time.After(instancePause + rand.N(instancePause)):
		case <-ctx.Done():
			return kmsapi.InstanceDetails{}, err
		}
	}
}

// renewCA reads the CA of the dedicated gateway again, and stores it if it is another. It returns the connection that
// trusts the new CA. It returns nil if a caller gave the CA, if the CA was already read again, or on a node that may
// not write.
func (b *backend) renewCA(ctx context.Context, req *logical.Request, conn *connection) (_ *connection, err error) {
	if !conn.ca.learned || !b.WriteSafeReplicationState() || conn.ca.reread.Swap(true) {
		return nil, nil
	}
	defer func() { conn.ca.reread.Store(err == nil) }()
	release, err := b.reserve(configPath, "the configuration")
	if err != nil {
		return nil, err
	}
	defer release()
	c, err := loadConfig(ctx, req.Storage)
	if err != nil || c == nil {
		return nil, err
	}
	if c.Instance.CACert == conn.ca.pem { // Otherwise, another request has renewed it.
		if err := b.learnCA(ctx, c); err != nil || c.Instance.CACert == conn.ca.pem {
			return nil, err
		}
		if err := b.storeConfig(ctx, req.Storage, c); err != nil {
			return nil, err
		}
		b.Logger().Info("the CA of the dedicated gateway was read again", "kms_instance_id", c.Instance.ID)
	}
	return b.connection(ctx, req)
}
