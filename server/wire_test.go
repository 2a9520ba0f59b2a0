package server_test

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// wire sends requests over the network without our client, as other clients do.
type wire struct {
	t    *testing.T
	kms  *kmstest.KMS
	http *http.Client
	// endpoint is that of a dedicated gateway, or "" for the shared one.
	endpoint string
}

// answer is the service's answer to any request.
type answer struct {
	status int
	header http.Header
	body   []byte
	kmsapi.ErrorResponse
	Keys           kmsapi.KeyList
	Aliases        kmsapi.AliasList
	Tags           kmsapi.TagList
	TagResources   kmsapi.TagResourceList
	NextToken      string
	AccountStatus  string
	KeyMetadata    kmsapi.KeyMetadata
	Regions        kmsapi.RegionList
	PageNumber     int
	PageSize       int
	TotalCount     int
	KeyId          string
	KeyVersionId   string
	CiphertextBlob string
	Plaintext      string
	KeyVersion     kmsapi.KeyVersion
	KeyVersions    kmsapi.KeyVersionList
	Policy         string
	// Value is a signature, or whether a signature is valid.
	Value any

	ExportedDataKey string

	KmsInstance          kmsapi.InstanceDetails
	KmsInstances         kmsapi.InstanceList
	DefaultKmsInstanceId string

	PublicKey, ImportToken, TokenExpireTime string
}

// newWire starts a service whose RSA keys come from testdata.
func newWire(t *testing.T) *wire { return configured(t, func(*server.Config) {}) }

func wireTo(t *testing.T, kms *kmstest.KMS) *wire {
	return &wire{t: t, kms: kms, http: trusting(t, kms.CACert)}
}

// trusting returns a client that trusts the CAs in a PEM file's content.
func trusting(t *testing.T, ca string) *http.Client {
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM([]byte(ca)))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (w *wire) credentials() signature.Credentials {
	return signature.Credentials{AccessKeyID: w.kms.AccessKeyID, AccessKeySecret: w.kms.AccessKeySecret}
}

func newNonce() string {
	b := make([]byte, 16)
	for i := range b {
		b[i] = byte(rand.IntN(256))
	}
	return hex.EncodeToString(b)
}

// signed returns the parameters of an operation, signed for method.
func (w *wire) signed(method, action string, pairs ...string) kmsapi.Params {
	params := kmsapi.Params{{Name: "Action", Value: action}, {Name: "Format", Value: "JSON"}}
	for i := 0; i < len(pairs); i += 2 {
		params = params.Add(pairs[i], pairs[i+1])
	}
	return w.sign(method, params)
}

// sign signs parameters for method.
func (w *wire) sign(method string, params kmsapi.Params) kmsapi.Params {
	return signature.SignV1(method, params, w.credentials(), newNonce(), w.kms.Now())
}

// send sends one request as given.
func (w *wire) send(method, query, body string, header http.Header) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, "https://"+cmp.Or(w.endpoint, w.kms.Endpoint)+"/?"+query,
		strings.NewReader(body))
	require.NoError(w.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := w.http.Do(req)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	got := answer{status: resp.StatusCode, header: resp.Header}
	got.body, err = io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/xml") {
		require.NoError(w.t, xml.Unmarshal(got.body, &got), "body: %s", got.body)
	} else {
		require.NoError(w.t, json.Unmarshal(got.body, &got), "body: %s", got.body)
	}
	require.NotEmpty(w.t, got.RequestId, "every answer has an id")
	return got
}

// post sends parameters in a form body.
func (w *wire) post(params kmsapi.Params) answer {
	w.t.Helper()
	return w.send(http.MethodPost, "", params.Form(), nil)
}

// do signs and posts an operation.
func (w *wire) do(action string, pairs ...string) answer {
	w.t.Helper()
	return w.post(w.signed(http.MethodPost, action, pairs...))
}

// must is do for an operation that must succeed.
func (w *wire) must(action string, pairs ...string) answer {
	w.t.Helper()
	got := w.do(action, pairs...)
	require.Equal(w.t, http.StatusOK, got.status, "%s: %s", action, got.body)
	return got
}

// refused requires that a is the refusal want.
func (a answer) refused(t *testing.T, want *kmsapi.Error) {
	t.Helper()
	require.Equal(t, want.Code, a.Code, "body: %s", a.body)
	require.Equal(t, want.HTTPStatus, a.status)
	require.Equal(t, want.HTTPStatus, a.HttpStatus)
	require.NotEmpty(t, a.Message)
}

func TestEveryWayToSendARequestIsUnderstood(t *testing.T) {
	w := newWire(t)
	for _, tc := range []struct {
		name, method string
		split        func(p kmsapi.Params) (query, body string)
	}{
		{"GET with everything in the query", http.MethodGet, func(p kmsapi.Params) (string, string) { return p.Form(), "" }},
		{
			"POST with everything in the query", http.MethodPost,
			func(p kmsapi.Params) (string, string) { return p.Form(), "" },
		},
		{"POST with everything in the body", http.MethodPost, func(p kmsapi.Params) (string, string) { return "", p.Form() }},
		{"POST with the operation's parameters in the body", http.MethodPost, func(p kmsapi.Params) (string, string) {
			isOwn := func(x kmsapi.Param) bool { return x.Name == "Description" }
			query := slices.DeleteFunc(slices.Clone(p), isOwn)
			body := slices.DeleteFunc(slices.Clone(p), func(x kmsapi.Param) bool { return !isOwn(x) })
			return query.Form(), body.Form()
		}},
		{"spaces as %20", http.MethodGet, func(p kmsapi.Params) (string, string) {
			return strings.ReplaceAll(p.Form(), "+", "%20"), ""
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := &wire{t: t, kms: w.kms, http: w.http}
			query, body := tc.split(w.signed(tc.method, "CreateKey", "Description", "a b*~/密钥", "SignatureType", ""))
			got := w.send(tc.method, query, body, nil)
			require.Equal(t, http.StatusOK, got.status, "%s", got.body)
			require.Equal(t, "a b*~/密钥", got.KeyMetadata.Description)
		})
	}
}

func TestAnswersComeAsJSONUnlessXMLIsAskedFor(t *testing.T) {
	w := newWire(t)
	for format, contentType := range map[string]string{
		"": "application/json;charset=utf-8", "json": "application/json;charset=utf-8",
		"JSON": "application/json;charset=utf-8",
		"xml":  "text/xml;charset=utf-8", "XML": "text/xml;charset=utf-8",
	} {
		t.Run("Format="+format, func(t *testing.T) {
			params := kmsapi.Params{{Name: "Action", Value: "CreateKey"}, {Name: "Format", Value: format}}
			got := w.post(w.sign(http.MethodPost, params))
			require.Equal(t, contentType, got.header.Get("Content-Type"))
			require.Equal(t, kmsapi.Enabled, got.KeyMetadata.KeyState)
			require.Equal(t, bytes.Contains(got.body, []byte("<KMS>")), strings.EqualFold(format, "xml"))
		})
	}
	t.Run("another format is refused", func(t *testing.T) {
		params := kmsapi.Params{{Name: "Action", Value: "CreateKey"}, {Name: "Format", Value: "YAML"}}
		w.post(w.sign(http.MethodPost, params)).refused(t, kmsapi.ErrInvalidParameter)
	})
}

func TestXMLCarriesWholeAnswersAndRefusals(t *testing.T) {
	w := newWire(t)
	asXML := func(action string, pairs ...string) answer {
		params := kmsapi.Params{{Name: "Action", Value: action}, {Name: "Format", Value: "XML"}}
		for i := 0; i < len(pairs); i += 2 {
			params = params.Add(pairs[i], pairs[i+1])
		}
		return w.post(w.sign(http.MethodPost, params))
	}
	id := asXML("CreateKey").KeyMetadata.KeyId
	require.Equal(t, []kmsapi.KeyEntry{{KeyId: id, KeyArn: "acs:kms:cn-hangzhou:123456:key/" + id}},
		asXML("ListKeys").Keys.Key)
	blob := asXML("Encrypt", "KeyId", id, "Plaintext", "aGVsbG8=").CiphertextBlob
	require.Equal(t, "aGVsbG8=", asXML("Decrypt", "CiphertextBlob", blob).Plaintext)
	asXML("DescribeKey", "KeyId", "nothing").refused(t, kmsapi.ErrKeyNotFound)

	for _, tc := range []struct {
		name, action string
		pairs        []string
		want         string
	}{
		{"no alias", "ListAliases", nil, "<Aliases></Aliases><PageNumber>1</PageNumber><PageSize>10</PageSize><TotalCount>0</TotalCount>"},
		{"no tag", "ListResourceTags", []string{"KeyId", id}, "<Tags></Tags>"},
		{"a new alias", "CreateAlias", []string{"AliasName", "alias/x", "KeyId", id}, ""},
		{"an updated alias", "UpdateAlias", []string{"AliasName", "alias/x", "KeyId", id}, ""},
		{
			"all aliases", "ListAliases",
			[]string{"PageSize", "5"},
			"<Aliases><Alias><AliasName>alias/x</AliasName><KeyId>" + id + "</KeyId>" +
				"<AliasArn>acs:kms:cn-hangzhou:123456:alias/x</AliasArn></Alias></Aliases>" +
				"<PageNumber>1</PageNumber><PageSize>5</PageSize><TotalCount>1</TotalCount>",
		},
		{
			"a key's aliases", "ListAliasesByKeyId",
			[]string{"KeyId", id, "PageNumber", "2"},
			"<Aliases></Aliases><PageNumber>2</PageNumber><PageSize>10</PageSize><TotalCount>1</TotalCount>",
		},
		{"a new tag", "TagResource", []string{"KeyId", id, "Tags", `[{"TagKey":"Project","TagValue":"Test"}]`}, ""},
		{
			"all tags", "ListResourceTags",
			[]string{"KeyId", id},
			"<Tags><Tag><KeyId>" + id + "</KeyId><TagKey>Project</TagKey><TagValue>Test</TagValue></Tag></Tags>",
		},
		{"tags of several keys", "TagResources", []string{"ResourceType", "key", "ResourceId.1", id, "Tag.1.Key", "a"}, ""},
		{
			"all tags of several keys", "ListTagResources",
			[]string{"ResourceType", "key", "ResourceId.1", id, "Tag.1.Key", "a"},
			"<NextToken></NextToken><TagResources><TagResource><ResourceId>" + id + "</ResourceId>" +
				"<ResourceType>key</ResourceType><TagKey>a</TagKey><TagValue></TagValue></TagResource></TagResources>",
		},
		{"the account", "DescribeAccountKmsStatus", nil, "<AccountStatus>Enabled</AccountStatus>"},
		{"a tag removed", "UntagResource", []string{"KeyId", id, "TagKeys", `["Project"]`}, ""},
		{"an alias removed", "DeleteAlias", []string{"AliasName", "alias/x"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := asXML(tc.action, tc.pairs...)
			require.Equal(t, http.StatusOK, got.status)
			require.Equal(t, xml.Header+"<KMS><RequestId>"+got.RequestId+"</RequestId>"+tc.want+"</KMS>", string(got.body))
		})
	}
}

// acs3 sends a request signed with ACS3-HMAC-SHA256. change may change the header after it was signed.
func (w *wire) acs3(action string, query kmsapi.Params, body string, change func(http.Header)) answer {
	w.t.Helper()
	h := http.Header{}
	h.Set("Host", w.kms.Endpoint)
	h.Set("X-Acs-Action", action)
	h.Set("X-Acs-Version", kmsapi.Version)
	h.Set("X-Acs-Date", w.kms.Now().UTC().Format(kmsapi.TimeFormat))
	h.Set("X-Acs-Signature-Nonce", newNonce())
	h.Set("X-Acs-Content-Sha256", signature.HashPayload([]byte(body)))
	names := []string{
		"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version",
	}
	r := signature.ACS3{
		Method: http.MethodPost, Path: "/", Query: query, SignedHeaders: names,
		PayloadHash: signature.HashPayload([]byte(body)),
		Header:      func(name string) string { return h.Get(name) },
	}
	h.Set("Authorization", "ACS3-HMAC-SHA256 Credential="+w.kms.AccessKeyID+",SignedHeaders="+strings.Join(names, ";")+
		",Signature="+signature.SignACS3(w.kms.AccessKeySecret, r.StringToSign()))
	if change != nil {
		change(h)
	}
	return w.send(http.MethodPost, query.Form(), body, h)
}

func TestACS3RequestsAreUnderstood(t *testing.T) {
	w := newWire(t)
	created := w.acs3("CreateKey", kmsapi.Params{{Name: "Description", Value: "v3 *!'()"}}, "", nil)
	require.Equal(t, "v3 *!'()", created.KeyMetadata.Description, "%s", created.body)
	inForm := w.acs3("DescribeKey", nil, kmsapi.Params{{Name: "KeyId", Value: created.KeyMetadata.KeyId}}.Form(), nil)
	require.Equal(t, created.KeyMetadata, inForm.KeyMetadata)
}

func TestACS3RequestsThatAreChangedAreRefused(t *testing.T) {
	w := newWire(t)
	set := func(name, value string) func(http.Header) {
		return func(h http.Header) { h.Set(name, value) }
	}
	anHourAgo := w.kms.Now().Add(-time.Hour).UTC().Format(kmsapi.TimeFormat)
	for name, tc := range map[string]struct {
		change func(http.Header)
		want   *kmsapi.Error
	}{
		"another operation": {set("X-Acs-Action", "ListKeys"), kmsapi.ErrIncompleteSignature},
		"another host":      {set("Host", "kms.cn-beijing.aliyuncs.com"), kmsapi.ErrIncompleteSignature},
		"another nonce":     {set("X-Acs-Signature-Nonce", "other"), kmsapi.ErrIncompleteSignature},
		"another body hash": {
			set("X-Acs-Content-Sha256", signature.HashPayload([]byte("x"))), kmsapi.ErrIncompleteSignature,
		},
		"a header that isn't signed": {set("X-Acs-Security-Token", "token"), kmsapi.ErrIncompleteSignature},
		"a header twice": {
			func(h http.Header) { h.Add("X-Acs-Action", "ListKeys") }, kmsapi.ErrIncompleteSignature,
		},
		"a mangled Authorization": {set("Authorization", "ACS3-HMAC-SHA256 nonsense"), kmsapi.ErrIncompleteSignature},
		"another access key": {func(h http.Header) {
			h.Set("Authorization", strings.Replace(h.Get("Authorization"), w.kms.AccessKeyID, "LTAIother", 1))
		}, kmsapi.ErrAccessKeyNotFound},
		"a date an hour off":           {set("X-Acs-Date", anHourAgo), kmsapi.ErrIllegalTimestamp},
		"a signed header that is gone": {func(h http.Header) { h.Del("X-Acs-Version") }, kmsapi.ErrIncompleteSignature},
	} {
		t.Run(name, func(t *testing.T) {
			(&wire{t: t, kms: w.kms, http: w.http}).acs3("CreateKey", nil, "", tc.change).refused(t, tc.want)
		})
	}
	require.Zero(t, w.must("ListKeys").TotalCount, "none of them made a key")
}
