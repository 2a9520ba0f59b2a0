package files

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	alicloudkms "github.com/alicloudkms/vault-plugin-secrets-alicloudkms"
)

const testToken = "s.test-token"

// A vaultDouble is the real engine, mounted at kms/, with as much of Vault's HTTP around it as clients need.
type vaultDouble struct {
	t       *testing.T
	engine  logical.Backend
	storage logical.Storage
	// requests are the bodies of all requests.
	requests []string
}

// mount mounts the engine on the desk's KMS, with a key called payroll, which is the desk's KMS key.
func (d *desk) mount(bound map[string]any) *vaultDouble {
	d.t.Helper()
	conf := logical.TestBackendConfig()
	conf.Logger = hclog.NewNullLogger()
	conf.StorageView = &logical.InmemStorage{}
	conf.System = logical.TestSystemView()
	engine, err := alicloudkms.Factory(d.t.Context(), conf)
	require.NoError(d.t, err)
	d.t.Cleanup(func() { engine.Cleanup(d.t.Context()) })
	v := &vaultDouble{t: d.t, engine: engine, storage: conf.StorageView}
	v.write("config", map[string]any{
		"region": d.kms.Region, "endpoint": d.kms.Endpoint, "ca_cert": d.kms.CACert,
		"access_key": d.kms.AccessKeyID, "secret_key": d.kms.AccessKeySecret.Reveal(),
	})
	v.write("keys/payroll/register", map[string]any{"key_id": d.keyID, "bound_context": bound})
	double := httptest.NewServer(v)
	d.t.Cleanup(double.Close)
	d.t.Setenv("VAULT_ADDR", double.URL)
	d.t.Setenv("VAULT_TOKEN", testToken)
	d.t.Setenv("VAULT_MAX_RETRIES", "0")
	return v
}

// keys returns the tool's way through Vault.
func (v *vaultDouble) keys() *Vault {
	v.t.Helper()
	keys, err := NewVault("kms/payroll")
	require.NoError(v.t, err)
	return keys
}

func (v *vaultDouble) handle(path string, data map[string]any) (*logical.Response, error) {
	return v.engine.HandleRequest(v.t.Context(), &logical.Request{
		Operation: logical.UpdateOperation, Path: path, Data: data, Storage: v.storage, MountPoint: "kms/",
	})
}

// write sends a request to the engine that must succeed, and returns its answer.
func (v *vaultDouble) write(path string, data map[string]any) map[string]any {
	v.t.Helper()
	answer, err := v.handle(path, data)
	require.NoError(v.t, err)
	require.False(v.t, answer.IsError(), "%v", answer)
	if answer == nil {
		return nil
	}
	return answer.Data
}

// ServeHTTP implements [http.Handler].
func (v *vaultDouble) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ours := strings.CutPrefix(r.URL.Path, "/v1/kms/")
	switch {
	case r.Header.Get("X-Vault-Token") != testToken:
		refuse(w, http.StatusForbidden, "permission denied")
		return
	case !ours:
		refuse(w, http.StatusNotFound, "no handler for route")
		return
	}
	var body json.RawMessage
	data := map[string]any{}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || json.Unmarshal(body, &data) != nil {
		refuse(w, http.StatusBadRequest, "not JSON")
		return
	}
	v.requests = append(v.requests, string(body))
	answer, err := v.handle(path, data)
	if err == nil && answer.IsError() {
		err = logical.CodedError(http.StatusBadRequest, answer.Error().Error())
	}
	if coded, ok := errors.AsType[logical.HTTPCodedError](err); ok {
		refuse(w, coded.Code(), coded.Error())
		return
	}
	require.NoError(v.t, err)
	_ = json.NewEncoder(w).Encode(logical.LogicalResponseToHTTPResponse(answer))
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []string{message}})
}
