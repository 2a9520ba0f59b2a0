package openapi

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

// mount is where the engine is mounted. No other path of Vault begins with it.
const mount = "alicloudkms-openapi"

// published reads what Vault publishes, and returns the part that belongs to the engine.
func published(t *testing.T) []byte {
	t.Helper()
	v := startVault(t)
	resp, err := v.Client.Logical().ReadRawWithContext(t.Context(), "sys/internal/specs/openapi")
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var doc struct {
		OpenAPI string                     `json:"openapi"`
		Info    json.RawMessage            `json:"info"`
		Paths   map[string]json.RawMessage `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(raw, &doc))
	maps.DeleteFunc(doc.Paths, func(path string, _ json.RawMessage) bool {
		return !strings.HasPrefix(path, "/"+mount+"/")
	})
	require.NotEmpty(t, doc.Paths)
	ours, err := json.Marshal(doc)
	require.NoError(t, err)
	return ours
}

func TestWhatVaultPublishesOfTheEngineIsValidOpenAPI(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(published(t))
	require.NoError(t, err)
	require.NoError(t, doc.Validate(t.Context(), openapi3.EnableSchemaDefaultsValidation()))

	operations := 0
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			require.NotEmpty(t, op.Summary, "%s %s", method, path)
			require.NotEmpty(t, op.OperationID, "%s %s", method, path)
			operations++
		}
	}
	require.Greater(t, operations, 30)
	requireBody(t, doc, "/config", http.MethodPost, "request_timeout", "secret_key")
	requireBody(t, doc, "/keys/{name}", http.MethodPost, "description", "tags")
	requireBody(t, doc, "/keys/{name}/tags", http.MethodPatch, "tags")
	requireBody(t, doc, "/hmac/{name}", http.MethodPost, "input", "algorithm", "batch_input")
	requireBody(t, doc, "/verify/{name}", http.MethodPost, "signature", "hmac")
	requireQuery(t, doc, "/keys/{name}", http.MethodGet)
	requireQuery(t, doc, "/keys/{name}", http.MethodDelete, "pending_window_in_days")
	requireQuery(t, doc, "/keys/{name}/tags", http.MethodGet)
	requireQuery(t, doc, "/keys/{name}/tags", http.MethodDelete, "tag_keys")
}

func requireBody(t *testing.T, doc *openapi3.T, path, method string, some ...string) {
	t.Helper()
	body := operation(t, doc, path, method).RequestBody.Value.Content.Get("application/json").Schema.Value
	for _, name := range some {
		require.Contains(t, body.Properties, name)
	}
	for _, name := range []string{"name", "tag_keys", "pending_window_in_days"} {
		require.NotContains(t, body.Properties, name)
	}
}

func requireQuery(t *testing.T, doc *openapi3.T, path, method string, all ...string) {
	t.Helper()
	var names []string
	for _, p := range operation(t, doc, path, method).Parameters {
		names = append(names, p.Value.Name)
	}
	slices.Sort(names)
	require.Equal(t, all, names)
}

func operation(t *testing.T, doc *openapi3.T, path, method string) *openapi3.Operation {
	t.Helper()
	item := doc.Paths.Value("/" + mount + path)
	require.NotNil(t, item, path)
	op := item.GetOperation(method)
	require.NotNil(t, op, "%s %s", method, path)
	return op
}
