package server

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
)

// setting is a field of the configuration whose value is not secret.
type setting struct{ name, value string }

// settingsOf returns the settings of c, defaults included, in the order of the documentation. A reload applies changes
// of reloaded; changes of fixed take effect only at the next start. Access keys and the content of files are not
// included.
func settingsOf(c Config) (reloaded, fixed []setting) {
	quotas, rotation := c.Quotas.WithDefaults(), c.Rotation.Bounds()
	reloaded = []setting{
		{"quotas.keys", quantity(quotas.Keys)},
		{"quotas.aliases", quantity(quotas.Aliases)},
		{"quotas.key_versions", quantity(quotas.KeyVersions)},
		{"quotas.versions", quantity(quotas.Versions)},
		{"quotas.secrets", quantity(quotas.Secrets)},
		{"rotation.min_version_interval", kmsapi.FormatInterval(rotation.BetweenVersions)},
		{"rotation.min_interval", kmsapi.FormatInterval(rotation.Shortest)},
		{"rotation.max_interval", kmsapi.FormatInterval(rotation.Longest)},
	}
	rates := c.RateLimits.PerSecond()
	for _, class := range slices.Sorted(maps.Keys(rates)) {
		reloaded = append(reloaded, setting{"rate_limits." + string(class), quantity(rates[class])})
	}
	fixed = fixedSettings(c)
	for _, i := range c.AllInstances() {
		name := fmt.Sprintf("instance %q", i.ID)
		reloaded = append(
			reloaded,
			setting{name + ".default", fmt.Sprint(i.Default)},
			setting{name + ".internet_access", fmt.Sprint(i.HasInternetAccess())},
			setting{name + ".spec", fmt.Sprint(i.Spec)},
			setting{name + ".status", i.Status},
		)
		fixed = append(
			fixed,
			setting{name + ".kind", i.Kind},
			setting{name + ".account", i.Account},
			setting{name + ".region", i.Region},
			setting{name + ".image", i.Image},
		)
		fixed = append(fixed, listenerSettings(name+".listener", i.Listener)...)
	}
	return reloaded, fixed
}

func fixedSettings(c Config) []setting {
	limits := c.Limits.WithDefaults()
	window, _ := c.Limits.Window() // Validation has refused an invalid duration.
	all := []setting{
		{"default_region", c.HomeRegion()},
		{"regions", strings.Join(slices.Sorted(maps.Keys(c.ServedRegions())), ", ")},
		{"strict_default_keys", fmt.Sprint(c.StrictDefaultKeys)},
		{"fips", fmt.Sprint(c.FIPS)},
		{"sm", fmt.Sprint(c.SM)},
	}
	all = append(all, listenerSettings("listener", c.Listener)...)
	all = append(all, nodeSettings(c)...)
	all = append(
		all,
		setting{"storage.path", absolute(c.Storage.Path)},
		setting{"root_key.file", absolute(c.RootKey.File)},
		setting{"audit.file", auditFile(c)},
		setting{"limits.timestamp_window", window.Round(time.Millisecond).String()},
		setting{"limits.max_request_bytes", fmt.Sprint(limits.MaxRequestBytes)},
		setting{"limits.max_nonces", fmt.Sprint(limits.MaxNonces)},
		setting{"limits.max_connections", fmt.Sprint(limits.MaxConnections)},
		setting{"limits.max_unauthenticated_per_address", fmt.Sprint(*limits.MaxUnauthenticatedPerAddress)},
	)
	if c.Ops == nil {
		return append(all, operationsSettings(none, none, none)...)
	}
	return append(all, operationsSettings(
		cmp.Or(c.Ops.Address, none), cmp.Or(c.Ops.HealthAddress, none), absolute(c.SocketPath()),
	)...)
}

func operationsSettings(address, healthAddress, socket string) []setting {
	return []setting{
		{"operations.address", address}, {"operations.health_address", healthAddress}, {"operations.socket", socket},
	}
}

// nodeSettings returns the settings of the blocks etcd and cluster.
func nodeSettings(c Config) []setting {
	endpoints, prefix, lease, username, address, skew := none, none, none, none, none, none
	if e := c.Etcd; e != nil {
		ttl, _ := e.TTL() // Validation has refused an invalid duration.
		endpoints, prefix, lease, username = strings.Join(e.Endpoints, ", "), e.KeyPrefix(), ttl.String(), e.Username
	}
	if n := c.Cluster; n != nil {
		apart, _ := n.Skew()
		address, skew = n.Address, apart.String()
	}
	return []setting{
		{"etcd.endpoints", endpoints},
		{"etcd.prefix", prefix},
		{"etcd.lease", lease},
		{"etcd.username", username},
		{"cluster.address", address},
		{"cluster.max_clock_skew", skew},
	}
}

// none is the value of a setting that was left out.
const none = "none"

func auditFile(c Config) string {
	if c.Audit == nil {
		return none
	}
	return absolute(c.Audit.File)
}

func listenerSettings(name string, l Listener) []setting {
	version := l.TLSMaxVersion
	if version == "" {
		version = "the newest"
	}
	return []setting{
		{name + ".address", l.Address},
		{name + ".plain_http", fmt.Sprint(l.PlainHTTP)},
		{name + ".tls_max_version", version},
	}
}

func quantity(n int) string {
	if n == Unlimited {
		return "unlimited"
	}
	return fmt.Sprint(n)
}

// applied describes the settings of after that differ from before.
func applied(before, after []setting) []ops.Change {
	return compare(before, after, func(was, is string) string { return fmt.Sprintf("%s (was %s)", is, was) })
}

// waiting describes the settings of the file that differ from those in use.
func waiting(inUse, file []setting) []ops.Change {
	return compare(inUse, file, func(was, is string) string { return fmt.Sprintf("%s (in use: %s)", is, was) })
}

// compare describes the settings that are in both lists and differ.
func compare(before, after []setting, describe func(was, is string) string) (all []ops.Change) {
	values := map[string]string{}
	for _, s := range before {
		values[s.name] = s.value
	}
	for _, s := range after {
		if was, ok := values[s.name]; ok && was != s.value {
			all = append(all, ops.Change{Part: s.name, What: describe(was, s.value)})
		}
	}
	return all
}
