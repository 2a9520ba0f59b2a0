package alicloudkms

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/ram"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A rotation holds the access keys that the configuration knows besides the one in use. It is part of the same record,
// so that one write changes both.
type rotation struct {
	// Origin is the access key that a caller wrote, if AccessKey replaced it through rotations: it stands for their RAM
	// user.
	Origin string `json:"origin"`
	// Pending was made to replace AccessKey, and is not in use yet.
	Pending pendingKey `json:"pending"`
	// Retiring is the previous AccessKey. It will be disabled, and then deleted.
	Retiring retiringKey `json:"retiring"`
}

// A pendingKey is an access key that is stored before it is tried: RAM does not show the secret again.
type pendingKey struct {
	ID     string        `json:"id"`
	Secret kmsapi.Secret `json:"secret"`
}

// A retiringKey is an access key that another one has replaced.
type retiringKey struct {
	ID string `json:"id"`
	// Since is when the other one replaced it. Disabled is when this one was disabled, and zero before.
	Since    time.Time `json:"since"`
	Disabled time.Time `json:"disabled"`
}

// forWire returns r with secrets that are encoded in clear in JSON.
func (r rotation) forWire() rotation {
	r.Pending.Secret = r.Pending.Secret.ForWire()
	return r
}

// followUse drops the keys that no longer belong to the configuration after its use changed from old. A new access key
// may belong to another RAM user, and could then not disable the retiring key. A pending key would be tried in the new
// use, while its secret was given for the old one.
func (c *config) followUse(old use) {
	if c.AccessKey != old.accessKey {
		c.Rotation = rotation{}
	}
	if c.use() != old || !c.SecurityToken.IsEmpty() {
		c.Rotation.Pending = pendingKey{}
	}
}

// madeHere returns the access keys that rotations made and that RAM still has, the one in use first.
func (c *config) madeHere() (ids []string) {
	if c.Rotation.Origin != "" {
		ids = append(ids, c.AccessKey)
	}
	for _, id := range []string{c.Rotation.Pending.ID, c.Rotation.Retiring.ID} {
		if id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// knows reports whether an access key is in use, pending or retiring.
func (c *config) knows(id string) bool {
	return id == c.AccessKey || id == c.Rotation.Pending.ID || id == c.Rotation.Retiring.ID
}

// warnOfAbandoned adds to resp, which may be nil, a warning about earlier access keys that stay in RAM and that the
// configuration no longer knows.
func (c *config) warnOfAbandoned(resp *logical.Response, before []string) *logical.Response {
	var left []string
	for _, id := range before {
		if !c.knows(id) {
			left = append(left, id)
		}
	}
	if len(left) == 0 {
		return resp
	}
	if resp == nil {
		resp = &logical.Response{}
	}
	resp.AddWarning(fmt.Sprintf("These access keys of config/rotate-root stay in RAM, and the engine no longer knows them: %s. Delete them there if nothing uses them",
		strings.Join(left, ", ")))
	return resp
}

// ramCA is the CA that is trusted for RAM, in addition to the system's. As for STS, there is none for Alibaba Cloud's
// own.
func (c *config) ramCA() string {
	if c.RAMEndpoint == "" || isAlibabaCloud(c.RAMEndpoint) {
		return ""
	}
	return c.CACert
}

// ram returns a client for the RAM user of the access key.
func (c *config) ram(clock func() time.Time) (*ram.Client, error) {
	made, err := ram.New(ram.Config{
		Network: c.Network, Endpoint: c.RAMEndpoint, CACert: c.ramCA(), Clock: clock,
		Credentials: client.Credentials{AccessKeyID: c.AccessKey, AccessKeySecret: c.SecretKey},
	})
	if err != nil {
		return nil, &client.ConfigError{Field: "RAMEndpoint", Err: err}
	}
	return made, nil
}

// since returns Since as a string.
func (k retiringKey) since() string {
	if k.ID == "" {
		return ""
	}
	return k.Since.UTC().Format(time.RFC3339)
}
