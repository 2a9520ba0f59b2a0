package config

import (
	"cmp"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Rotation bounds how often keys get new versions, in intervals for [kmsapi.ParseInterval]. "" means the default of a
// field.
type Rotation struct {
	// MinVersionInterval is how long after a key's last version CreateKeyVersion makes another; "" means "0s", so at
	// any time. The real service has 7 days. Automatic rotation is not bound by it.
	MinVersionInterval string `hcl:"min_version_interval,optional"`
	// MinInterval and MaxInterval bound the RotationInterval of a request; "" means "7d" and "730d". Existing keys keep
	// their interval.
	MinInterval string `hcl:"min_interval,optional"`
	MaxInterval string `hcl:"max_interval,optional"`
}

// maxRotation is the longest value of a field of [Rotation].
const maxRotation = 36500 * 24 * time.Hour

// RotationBounds are the parsed values of a [Rotation].
type RotationBounds struct {
	// BetweenVersions is MinVersionInterval; Shortest and Longest are MinInterval and MaxInterval.
	BetweenVersions, Shortest, Longest time.Duration
}

func (r *Rotation) validate(at Place, found *faults) {
	if r == nil {
		return
	}
	good := true
	for _, field := range []struct {
		name, value string
		shortest    time.Duration
	}{
		{"min_version_interval", r.MinVersionInterval, 0},
		{"min_interval", r.MinInterval, time.Second},
		{"max_interval", r.MaxInterval, time.Second},
	} {
		interval, ok := kmsapi.ParseInterval(field.value)
		if field.value != "" && (!ok || interval < field.shortest || interval > maxRotation) {
			good = false
			found.add(at.Field(field.name), "%q is not an interval from %s to %s, such as \"7d\"",
				field.value, kmsapi.FormatInterval(field.shortest), kmsapi.FormatInterval(maxRotation))
		}
	}
	if b := r.Bounds(); good && b.Shortest > b.Longest {
		found.add(at.Field("min_interval"), "%s is more than max_interval, which is %s",
			kmsapi.FormatInterval(b.Shortest), kmsapi.FormatInterval(b.Longest))
	}
}

// Bounds returns r's bounds, with defaults filled in. It may be called on nil.
func (r *Rotation) Bounds() RotationBounds {
	if r == nil {
		r = &Rotation{}
	}
	// Validation has refused invalid intervals, so zero means that a field is not set.
	between, _ := kmsapi.ParseInterval(r.MinVersionInterval)
	shortest, _ := kmsapi.ParseInterval(r.MinInterval)
	longest, _ := kmsapi.ParseInterval(r.MaxInterval)
	return RotationBounds{
		BetweenVersions: between,
		Shortest:        cmp.Or(shortest, kmsapi.MinRotationInterval),
		Longest:         cmp.Or(longest, kmsapi.MaxRotationInterval),
	}
}
