package config

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Instance is a KMS instance: keys of an account in a region, with a dedicated gateway for operations that encrypt and
// decrypt.
type Instance struct {
	// ID is, for example, "kst-hzz62f1cb66fa42qo7p3x". Its first three letters after "kst-" are in the ids of its keys.
	ID string `hcl:"id,label"`
	// Kind is [KindSoftware] or [KindHardware]; "" means software.
	Kind string `hcl:"kind,optional"`
	// Account and Region own the instance; "" means the first account and the default region.
	Account string `hcl:"account,optional"`
	Region  string `hcl:"region,optional"`
	// Default makes it the account's default instance, in which CreateKey makes a key if the request names no instance.
	Default bool `hcl:"default,optional"`
	// InternetAccess lets the shared gateway encrypt and decrypt with the instance's keys; nil means true.
	InternetAccess *bool `hcl:"internet_access,optional"`
	// Image is the version of the instance's image; "" means [DefaultImage]. The dedicated gateway of an image older
	// than 3.0.0 does not speak this API.
	Image string `hcl:"image,optional"`
	// Spec is how many requests a second the dedicated gateway answers; 0 means [DefaultSpec].
	Spec int `hcl:"spec,optional"`
	// Status is the status that GetKmsInstance returns; "" means Connected. An instance with any other status serves no
	// request.
	Status string `hcl:"status,optional"`
	// CACertFile is a PEM file with the root CA and the region's CA of the gateway's certificate.
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

// instanceForm is the form of ids. The letters in parentheses are in the ids of keys.
var instanceForm = regexp.MustCompile(`^kst-([a-z]{3})[a-z0-9-]*$`)

// Letters returns the three letters of the instance's id that are in the ids of its keys.
func (i Instance) Letters() string {
	if parts := instanceForm.FindStringSubmatch(i.ID); parts != nil {
		return parts[1]
	}
	return ""
}

// HasInternetAccess reports whether the shared gateway encrypts and decrypts with the instance's keys.
func (i Instance) HasInternetAccess() bool { return i.InternetAccess == nil || *i.InternetAccess }

// ImageMajor returns the major version of the image.
func (i Instance) ImageMajor() int {
	first, _, _ := strings.Cut(cmp.Or(i.Image, DefaultImage), ".")
	major, err := strconv.Atoi(first)
	if err != nil {
		return 0 // Validation has refused it.
	}
	return major
}

// AllInstances returns the KMS instances with defaults filled in.
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

func (c Config) validateInstances(at Place, found *faults) {
	if len(c.Accounts) == 0 {
		return // That is already a fault, and instances default to the first account.
	}
	ids, defaults := firsts{}, map[[2]string]bool{}
	for n, i := range c.AllInstances() {
		inInstance := at.Block("instance", n, i.ID)
		ids.add(i.ID, inInstance, found)
		c.validateInstance(i, inInstance, found)
		owner := [2]string{i.Account, i.Region}
		if i.Default && defaults[owner] {
			found.add(inInstance.Field("default"), "account %q already has a default instance in %s", i.Account, i.Region)
		}
		defaults[owner] = defaults[owner] || i.Default
	}
}

var imageForm = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*$`)

func (c Config) validateInstance(i Instance, at Place, found *faults) {
	if !instanceForm.MatchString(i.ID) {
		found.add(at, `its id does not look like "kst-hzz62f1cb66fa42qo7p3x", with at least three letters`)
	}
	if i.Kind != KindSoftware && i.Kind != KindHardware {
		found.add(at.Field("kind"), "%q is neither %q nor %q", i.Kind, KindSoftware, KindHardware)
	}
	if !slices.ContainsFunc(c.Accounts, func(a Account) bool { return a.ID == i.Account }) {
		found.add(at.Field("account"), "there is no block for account %q", i.Account)
	}
	if _, known := kmsapi.FindRegion(i.Region); !known {
		found.add(at.Field("region"), "%s", unknownRegion(i.Region))
	} else if c.leavesOut(i.Region) {
		found.add(at.Field("region"), "%s", c.notAmong(i.Region))
	}
	if !imageForm.MatchString(i.Image) {
		found.add(at.Field("image"), "%q is not a version such as %q", i.Image, DefaultImage)
	}
	if i.Spec < 0 {
		found.add(at.Field("spec"), "%d is negative", i.Spec)
	}
	if !slices.Contains(instanceStatuses, kmsapi.InstanceStatus(i.Status)) {
		found.add(at.Field("status"), "%q is not one of %v", i.Status, instanceStatuses)
	}
	i.Listener.validate(at.Block("listener", 0, ""), found)
}

var instanceStatuses = []kmsapi.InstanceStatus{
	kmsapi.InstanceUninitialized, kmsapi.InstanceConnecting, kmsapi.InstanceConnected,
	kmsapi.InstanceDisconnected, kmsapi.InstanceError,
}
