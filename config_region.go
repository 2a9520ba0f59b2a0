package alicloudkms

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// With an endpoint of its own, a configuration may have any region: Alibaba Cloud opens new ones. Only KMS knows
// whether a region exists, so the engine does not refuse one that it does not know, but mentions it where it may be the
// mistake.

// regionDoubt says that the region may be misspelled, and is empty if the engine knows it.
func (c *config) regionDoubt() string {
	if _, known := kmsapi.FindRegion(c.Region); known {
		return ""
	}
	return fmt.Sprintf("The engine does not know region %.64q; %s", c.Region, kmsapi.SuggestRegion(c.Region, nil))
}

// doubtRegion adds regionDoubt to a failed call, since it may have failed before KMS looked at the region. If KMS
// refused a parameter, its own error says what is wrong, and the known regions are added instead.
func (c *config) doubtRegion(err error) error {
	failed, ok := errors.AsType[*callError](err)
	if !ok {
		return err
	}
	failed.doubt = c.regionDoubt()
	refused, ok := errors.AsType[*kmsapi.Error](failed.err)
	if ok && refused.Kind() == kmsapi.KindParameter && failed.doubt != "" {
		failed.doubt = "The regions are " + strings.Join(kmsapi.RegionIDs(), ", ")
	}
	return err
}

// warnOfRegion returns the answer to a successful write, with regionDoubt as a warning.
func (c *config) warnOfRegion() *logical.Response {
	doubt := c.regionDoubt()
	if doubt == "" {
		return nil
	}
	resp := &logical.Response{}
	resp.AddWarning(doubt)
	return resp
}
