package server_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestPagesFarBehindTheLastAreEmpty(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey()
	for _, op := range []kmsapi.Operation{kmsapi.OpListKeys, kmsapi.OpListAliases, kmsapi.OpListAliasesByKeyId} {
		for _, number := range []string{
			"2", "2147483648", "922337203685477581", "4611686018427387905",
			"9223372036854775807",
		} {
			got := l.must(string(op), "KeyId", id, "PageNumber", number, "PageSize", "10")
			require.Empty(t, got.Keys.Key, "%s, page %s", op, number)
		}
		for _, number := range []string{"9223372036854775808", "-1", "1e3", "0x1", "1.0", " 1", "٣"} {
			l.do(string(op), "KeyId", id, "PageNumber", number).refused(t, kmsapi.ErrInvalidParameter)
		}
	}
}

func TestAliasesAndTagsKeepTheirLimits(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey()
	l.must("CreateAlias", "KeyId", id, "AliasName", "alias/"+strings.Repeat("a", 255))
	for _, name := range []string{
		"alias/" + strings.Repeat("a", 256), "alias/", "alias", "ALIAS/a", "a", "alias/a\n", "alias/a\x00", "alias/../a",
		"alias/é", "alias/a b", "",
	} {
		got := l.do("CreateAlias", "KeyId", id, "AliasName", name)
		require.Equal(t, http.StatusBadRequest, got.status, "%q: %s", name, got.body)
	}
	for i := range kmsapi.MaxTags {
		l.must("TagResource", "KeyId", id, "Tags", fmt.Sprintf(`[{"TagKey":"k%d","TagValue":""}]`, i))
	}
	l.must("TagResource", "KeyId", id, "Tags", `[{"TagKey":"k9","TagValue":"changed"}]`)
	refused := l.do("TagResource", "KeyId", id, "Tags",
		`[{"TagKey":"k1","TagValue":"lost"},{"TagKey":"one-more","TagValue":""}]`)
	require.Equal(t, http.StatusBadRequest, refused.status, "%s", refused.body)
	tags := string(l.must("ListResourceTags", "KeyId", id).body)
	require.Equal(t, kmsapi.MaxTags, strings.Count(tags, "TagKey"))
	require.NotContains(t, tags, "lost", "all or nothing")
	for name, text := range map[string]string{
		"text behind the list":       `[{"TagKey":"k1","TagValue":""}]]`,
		"a brace behind the list":    `[{"TagKey":"k1","TagValue":""}]}`,
		"a second list":              `[{"TagKey":"k1","TagValue":""}][]`,
		"nothing for a tag":          `[null]`,
		"a list of lists, and so on": strings.Repeat("[", 20_000),
		"objects in objects":         `[` + strings.Repeat(`{"TagKey":`, 10_000),
	} {
		got := l.do("TagResource", "KeyId", id, "Tags", text)
		require.Equal(t, kmsapi.ErrInvalidParameter.Code, got.Code, "%s: %s", name, got.body)
	}
}

func TestNestedJSONIsNoContext(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey()
	for _, deep := range []string{
		strings.Repeat("[", 8000), strings.Repeat(`{"a":`, 1600),
		`{"a":` + strings.Repeat("[", 8000),
	} {
		l.do("Encrypt", "KeyId", id, "Plaintext", "eA==", "EncryptionContext", deep).refused(t, kmsapi.ErrInvalidParameter)
	}
}

func TestNamesOfParametersAreCaseSensitive(t *testing.T) {
	l := newLab(t, nil)
	good := l.signed("CreateKey", "Description", "d")
	for i, p := range good {
		if p.Name == "Description" || p.Name == "SignatureNonce" {
			continue
		}
		changed := slices.Clone(good)
		changed[i].Name = strings.ToLower(p.Name)
		require.NotEqual(t, http.StatusOK, l.post(changed.Form()).status, p.Name)
	}
	got := l.must("CreateKey", "description", "small", "Description", "large", "DESCRIPTION", "capital")
	require.Equal(t, "large", got.KeyMetadata.Description, "the others are other parameters, which mean nothing")
}

func TestOddFormsAreRefused(t *testing.T) {
	l := newLab(t, nil)
	var many strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&many, "&%x=", i)
	}
	for name, form := range map[string]string{
		"semicolons between parameters":   strings.ReplaceAll(l.signed("CreateKey").Form(), "&", ";"),
		"tens of thousands of parameters": l.signed("CreateKey").Form() + many.String(),
		"a hundred thousand times &":      l.signed("CreateKey").Form() + strings.Repeat("&", 100_000) + "x",
		"a hundred thousand names alike":  strings.Repeat("&a", 100_000),
		"zero bytes":                      strings.Repeat("\x00", 1000),
		"an access key id of 200,000":     with(l.signed("CreateKey"), "AccessKeyId", strings.Repeat("L", 200_000)).Form(),
		"an access key id with a zero":    with(l.signed("CreateKey"), "AccessKeyId", l.caller.AccessKeyID+"\x00").Form(),
		"an access key id with a blank":   with(l.signed("CreateKey"), "AccessKeyId", l.caller.AccessKeyID+" ").Form(),
		"an operation with a zero":        l.signed("CreateKey\x00").Form(),
		"an operation in small letters":   l.signed("createkey").Form(),
		"an operation in a path":          l.signed("../CreateKey").Form(),
	} {
		t.Run(name, func(t *testing.T) {
			got := l.post(form)
			require.GreaterOrEqual(t, got.status, http.StatusBadRequest)
			require.NotEmpty(t, got.Code)
		})
	}
	l.do("DescribeKey", "KeyId", l.createKey()+"\x00").refused(t, kmsapi.ErrKeyNotFound)
	for _, line := range l.auditLines() {
		require.Less(t, len(fmt.Sprint(line)), 4000)
	}
}

// TestCompressedBodiesAreNotUnpacked: the signature covers the body as sent, and no body grows after it was received.
func TestCompressedBodiesAreNotUnpacked(t *testing.T) {
	l := newLab(t, nil)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(l.signed("CreateKey").Form()))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	r := request(http.MethodPost, "/", "", nil)
	r.Header.Set("Content-Encoding", "gzip")
	l.send(r, packed.String()).refused(t, kmsapi.ErrParseRequestParameter)
}

func TestNobodyForgesAuditLines(t *testing.T) {
	l := newLab(t, nil)
	forged := "x\"}\n{\"operation\":\"Decrypt\",\"status\":200}\r\n\u2028\x1b[2J\xff"
	l.post(with(l.signed("CreateKey"), "Action", strings.ToValidUTF8(forged, "")).Form())
	l.post(with(l.signed("CreateKey"), "AccessKeyId", strings.ToValidUTF8(forged, "")).Form())
	header := l.acs3("CreateKey", nil, "")
	header["X-Acs-Action"] = []string{forged}
	header["Authorization"] = []string{"ACS3-HMAC-SHA256 Credential=" + forged + ",SignedHeaders=host,Signature=00"}
	l.send(request(http.MethodPost, "/", "", header), "")
	l.do("DescribeKey", "KeyId", strings.ToValidUTF8(forged, ""))

	lines := l.auditLines()
	require.Len(t, lines, 4, "one line for each request")
	for _, line := range lines {
		require.NotEqual(t, 200.0, line["status"])
	}
	raw := fmt.Sprint(lines)
	require.NotContains(t, raw, "\x1b")
	require.NotContains(t, raw, "\u2028")
}

func TestTheSourceAddressIsThePeers(t *testing.T) {
	l := newLab(t, nil)
	r := request(http.MethodPost, "/", "", nil)
	for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "True-Client-Ip", "X-Client-Ip"} {
		r.Header.Set(name, "203.0.113.9")
	}
	require.Equal(t, http.StatusOK, l.send(r, l.signed("ListKeys").Form()).status)
	require.Equal(t, "192.0.2.7", l.auditLines()[0]["source_ip"])
}

func TestXMLNeverCarriesAnotherPlaintext(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey()
	for plaintext, fits := range map[string]bool{
		"a\rb\r\n\t": true, "<&>]]>\"'": true, " \u2028\ufffd\U0010ffff": true,
		"\x01": false, "\x00": false, "a\ufffe": false, "\uffffb": false, "\x1f": false,
	} {
		blob := l.must("Encrypt", "KeyId", id, "Plaintext", plaintext).CiphertextBlob
		require.Equal(t, plaintext, l.must("Decrypt", "CiphertextBlob", blob).Plaintext)
		got := l.do("Decrypt", "CiphertextBlob", blob, "Format", "XML")
		if fits {
			require.Equal(t, plaintext, got.Plaintext)
			continue
		}
		got.refused(t, kmsapi.ErrInvalidParameter)
		require.Empty(t, got.Plaintext)
	}
}
