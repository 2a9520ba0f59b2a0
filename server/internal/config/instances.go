package config

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Instance is a KMS instance: keys of an account in a region, with a dedicated gateway for what encrypts and decrypts.
type Instance struct {
	// ID is such as "kst-hzz62f1cb66fa42qo7p3x". Three of its letters are in the ids of its keys.
	ID string `hcl:"id,label"`
	// Kind is [KindSoftware] or [KindHardware]; "" means software.
	Kind string `hcl:"kind,optional"`
	// Account and Region own the instance; "" means the first account and the default region.
	Account string `hcl:"account,optional"`
	Region  string `hcl:"region,optional"`
	// Default makes it the account's default instance, where CreateKey makes keys that name no instance.
	Default bool `hcl:"default,optional"`
	// InternetAccess lets the shared gateway encrypt and decrypt with the instance's keys; nil means true.
	InternetAccess *bool `hcl:"internet_access,optional"`
	// Image is the version of the instance's image; "" means [DefaultImage]. The dedicated gateway of an image older than
	// 3.0.0 does not speak this API.
	Image string `hcl:"image,optional"`
	// Spec is how many requests a second the dedicated gateway answers; 0 means [DefaultSpec].
	Spec int `hcl:"spec,optional"`
	// Status is what GetKmsInstance answers; "" means Connected. An instance in any other status serves no request.
	Status string `hcl:"status,optional"`
	// CACertFile is a PEM file: the root CA and the CA of the region that the gateway's certificate leads to.
	CACertFile string `hcl:"ca_cert_file,optional"`
	// Listener is the dedicated gateway.
	Listener Listener `hcl:"listener,block"`
}

// The kinds of KMS instances.
const (
	KindSoftware = "software"
	KindHardware = "hardware"
)

// The defaults of [Instance].
const (
	DefaultImage = "3.2.0"
	DefaultSpec  = 1000
)

// instanceForm is that of ids, of which instanceLetters are in the ids of keys.
var instanceForm = regexp.MustCompile(`^kst-([a-z]{3})[a-z0-9-]*$`)

// Letters are the three letters of the instance's id that the ids of its keys begin with.
func (i Instance) Letters() string {
	if parts := instanceForm.FindStringSubmatch(i.ID); parts != nil {
		return parts[1]
	}
	return ""
}

// HasInternetAccess reports whether the shared gateway encrypts and decrypts with the instance's keys.
func (i Instance) HasInternetAccess() bool { return i.InternetAccess == nil || *i.InternetAccess }

// ImageMajor is the first number of the image's version.
func (i Instance) ImageMajor() int {
	first, _, _ := strings.Cut(cmp.Or(i.Image, DefaultImage), ".")
	major, err := strconv.Atoi(first)
	if err != nil {
		return 0 // Validation has refused it.
	}
	return major
}

// AllInstances returns the KMS instances, with the defaults of their fields.
func (c Config) AllInstances() []Instance {
	all := slices.Clone(c.Instances)
	for n := range all {
		i := &all[n]
		i.Kind = cmp.Or(i.Kind, KindSoftware)
		i.Account = cmp.Or(i.Account, c.Accounts[0].ID)
		i.Region = cmp.Or(i.Region, c.HomeRegion())
		i.Image = cmp.Or(i.Image, DefaultImage)
		i.Spec = orDefault(i.Spec, DefaultSpec)
		i.Status = cmp.Or(i.Status, string(kmsapi.InstanceConnected))
	}
	return all
}

// validateInstances runs after the accounts have been found to be valid.
func (c Config) validateInstances() error {
	if len(c.Accounts) == 0 {
		return nil
	}
	ids, defaults := map[string]bool{}, map[[2]string]bool{}
	for _, i := range c.AllInstances() {
		if ids[i.ID] {
			return fmt.Errorf("instance %q is defined twice", i.ID)
		}
		ids[i.ID] = true
		if err := c.validateInstance(i); err != nil {
			return fmt.Errorf("instance %q: %w", i.ID, err)
		}
		owner := [2]string{i.Account, i.Region}
		if i.Default && defaults[owner] {
			return fmt.Errorf("instance %q: its account already has a default instance in %s", i.ID, i.Region)
		}
		defaults[owner] = defaults[owner] || i.Default
	}
	return nil
}

var imageForm = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*$`)

func (c Config) validateInstance(i Instance) error {
	switch {
	case !instanceForm.MatchString(i.ID):
		return errors.New(`its id does not look like "kst-hzz62f1cb66fa42qo7p3x", with at least three letters`)
	case i.Kind != KindSoftware && i.Kind != KindHardware:
		return fmt.Errorf("kind %q is neither %q nor %q", i.Kind, KindSoftware, KindHardware)
	case !slices.ContainsFunc(c.Accounts, func(a Account) bool { return a.ID == i.Account }):
		return fmt.Errorf("account %q is not defined", i.Account)
	case !c.ServedRegions()[i.Region]:
		return fmt.Errorf("region %.64q is not among regions; %s", i.Region, kmsapi.SuggestRegion(i.Region, c.Regions))
	case !imageForm.MatchString(i.Image):
		return fmt.Errorf("image %q is not a version such as %q", i.Image, DefaultImage)
	case i.Spec < 0:
		return errors.New("spec can't be negative")
	case !slices.Contains(instanceStatuses, kmsapi.InstanceStatus(i.Status)):
		return fmt.Errorf("status %q is not one of %v", i.Status, instanceStatuses)
	}
	return i.Listener.validate()
}

var instanceStatuses = []kmsapi.InstanceStatus{
	kmsapi.InstanceUninitialized, kmsapi.InstanceConnecting, kmsapi.InstanceConnected,
	kmsapi.InstanceDisconnected, kmsapi.InstanceError,
}
