package credentials

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The secrets, which nothing may print.
const (
	staticSecret  = "canary-static-secret"
	staticToken   = "canary-static-token"
	sessionSecret = "canary-session-secret"
	sessionToken  = "canary-session-token"
)

// A cloud is a proxy for STS, over TLS and with its real host names, and for the metadata service of an ECS instance.
type cloud struct {
	proxy, sts *httptest.Server

	mu sync.Mutex // guards the fields below
	// answer returns STS's answer, and metadata the instance's.
	answer   func(kmsapi.Params) (status int, body string)
	metadata func(path string) (status int, body string)
	// hosts are the names that were connected to, and requests what STS received.
	hosts    []string
	requests []kmsapi.Params
	instance int
}

func newCloud(caFile string) *cloud {
	c := new(cloud)
	c.reset()
	quiet := log.New(io.Discard, "", 0)
	c.sts = httptest.NewUnstartedServer(http.HandlerFunc(c.serveSTS))
	c.sts.TLS = &tls.Config{Certificates: []tls.Certificate{newCertificate(caFile)}, MinVersion: tls.VersionTLS12}
	c.sts.Config.ErrorLog = quiet
	c.sts.StartTLS()
	c.proxy = httptest.NewUnstartedServer(http.HandlerFunc(c.serveProxy))
	c.proxy.Config.ErrorLog = quiet
	c.proxy.Start()
	return c
}

func (c *cloud) close() {
	c.proxy.Close()
	c.sts.Close()
}

// reset makes STS answer with a session of an hour, and removes the instance.
func (c *cloud) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = func(kmsapi.Params) (int, string) { return http.StatusOK, session("STS.1", time.Now().Add(time.Hour)) }
	c.metadata = func(string) (int, string) { return http.StatusNotFound, "" }
	c.hosts, c.requests, c.instance = nil, nil, 0
}

// set changes what is behind the proxy.
func (c *cloud) set(change func(*cloud)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *cloud) asked() (hosts []string, requests []kmsapi.Params, instance int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hosts, c.requests, c.instance
}

func (c *cloud) serveProxy(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		c.mu.Lock()
		c.instance++
		metadata := c.metadata
		c.mu.Unlock()
		status, body := metadata(r.URL.Path)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return
	}
	c.set(func(c *cloud) { c.hosts = append(c.hosts, r.Host) })
	there, err := net.Dial("tcp", c.sts.Listener.Addr().String())
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	here, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(here, there)
		_ = here.Close()
	}()
	_, _ = io.Copy(there, here)
	_ = there.Close()
}

func (c *cloud) serveSTS(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	params, _ := kmsapi.ParseForm(string(body))
	query, _ := kmsapi.ParseForm(r.URL.RawQuery)
	params = append(params, query...)
	c.mu.Lock()
	c.requests = append(c.requests, params)
	answer := c.answer
	c.mu.Unlock()
	status, content := answer(params)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, content)
}

// session returns STS's answer with a session.
func session(id string, expires time.Time) string {
	body, _ := json.Marshal(map[string]any{"RequestId": "r-1", "Credentials": map[string]string{
		"AccessKeyId": id, "AccessKeySecret": sessionSecret, "SecurityToken": sessionToken,
		"Expiration": expires.UTC().Format(time.RFC3339),
	}})
	return string(body)
}

// refusal returns STS's refusal, with a message that must not be repeated.
func refusal(code string) string {
	body, _ := json.Marshal(map[string]string{
		"RequestId": "r-2", "Code": code, "HostId": "sts.aliyuncs.com",
		"Message": "server string to sign is:POST&%2F&SecurityToken%3D" + staticToken + " " + sessionSecret,
	})
	return string(body)
}

// instance answers like the metadata service of an instance with the role "vm".
func instance(path string) (int, string) {
	switch {
	case strings.HasSuffix(path, "/api/token"):
		return http.StatusOK, "metadata-token"
	case strings.HasSuffix(path, "/security-credentials/"):
		return http.StatusOK, "vm"
	case strings.HasSuffix(path, "/security-credentials/vm"):
		return http.StatusOK, `{"Code":"Success","AccessKeyId":"STS.vm","AccessKeySecret":"` + sessionSecret +
			`","SecurityToken":"` + sessionToken +
			`","Expiration":"` + time.Now().UTC().Add(time.Hour).Format(time.RFC3339) + `"}`
	default:
		return http.StatusNotFound, ""
	}
}

// newCertificate creates a self-signed certificate for STS's names, and writes it to a file.
func newCertificate(file string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"sts.aliyuncs.com", "sts-vpc.cn-beijing.aliyuncs.com"},
		IsCA:     true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
