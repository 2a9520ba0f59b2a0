package alicloudkms

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// With an endpoint of its own, a configuration may have any region: Alibaba Cloud opens new ones. Only KMS knows
// whether there is such a region, so the engine does not refuse one that it does not know, and mentions it where it may
// be what is wrong.

// regionDoubt says that the region may be misspelled, and is empty if the engine knows it.
func (c *config) regionDoubt() string {
	if _, known := kmsapi.FindRegion(c.Region); known {
		return ""
	}
	return fmt.Sprintf("The engine does not know region %.64q; %s", c.Region, kmsapi.SuggestRegion(c.Region, nil))
}

// doubtRegion adds regionDoubt to a failed call, which may be about something else, and end before KMS looked at the
// region. If it did look, it says so itself, and need not know all regions.
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

// warnOfRegion is the answer to a write that succeeded.
func (c *config) warnOfRegion() *logical.Response {
	doubt := c.regionDoubt()
	if doubt == "" {
		return nil
	}
	resp := &logical.Response{}
	resp.AddWarning(doubt)
	return resp
}
