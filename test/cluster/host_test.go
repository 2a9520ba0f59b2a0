package cluster

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/openbao/go-kms-wrapping/plugin/v2"
	"github.com/openbao/go-kms-wrapping/v2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A host uses our seal plugin as OpenBao does at a start: in a new process, which unseals.
type host struct {
	program  string
	settings map[string]string
	// rootKey is what was sealed.
	rootKey *wrapping.BlobInfo
}

const rootKey = "a root key"

// newHost seals a root key.
func newHost(r *rig, address string) *host {
	r.t.Helper()
	as := r.site.Credentials
	h := &host{program: build(r.t, sealPlugin), settings: map[string]string{
		"region": kmsapi.DefaultRegion, "domain": address, "ca_cert": r.site.CA, "kms_key_id": "alias/unseal",
		"access_key": as.AccessKeyID, "secret_key": as.AccessKeySecret.Reveal(), "request_timeout": "5s",
	}}
	r.soon(func() error {
		return h.start(r.t.Context(), func(w wrapping.Wrapper) (err error) {
			h.rootKey, err = w.Encrypt(r.t.Context(), []byte(rootKey))
			return err
		})
	})
	return h
}

// start starts the plugin, uses it and ends it.
func (h *host) start(ctx context.Context, use func(wrapping.Wrapper) error) error {
	process := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig, VersionedPlugins: plugin.PluginSets, Cmd: exec.Command(h.program),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC}, AutoMTLS: true, Logger: hclog.NewNullLogger(),
	})
	defer process.Kill()
	connection, err := process.Client()
	if err != nil {
		return err
	}
	raw, err := connection.Dispense("wrapper")
	if err != nil {
		return err
	}
	w := raw.(wrapping.Wrapper)
	if _, err := w.SetConfig(ctx, wrapping.WithConfigMap(h.settings)); err != nil {
		return err
	}
	if err := raw.(wrapping.InitFinalizer).Init(ctx); err != nil {
		return err
	}
	return use(w)
}

// unseal starts the plugin until it has opened the root key.
func (h *host) unseal(ctx context.Context, limit time.Duration) (took time.Duration, err error) {
	began := time.Now()
	for time.Since(began) < limit {
		err = h.start(ctx, func(w wrapping.Wrapper) error {
			opened, err := w.Decrypt(ctx, h.rootKey)
			if err == nil && string(opened) != rootKey {
				err = fmt.Errorf("it was opened as %q", opened)
			}
			return err
		})
		if err == nil {
			return time.Since(began), nil
		}
		time.Sleep(restartAfter)
	}
	return 0, fmt.Errorf("the plugin does not unseal: %w", err)
}
