package credentials

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/cloudcall"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

const (
	defaultSessionName = "vault-alicloudkms"
	defaultDuration    = time.Hour
	minDuration        = 15 * time.Minute
	maxDuration        = 12 * time.Hour
	maxExternalID      = 1224
)

// A Role is a RAM role to assume through STS.
type Role struct {
	// ARN names the role, such as "acs:ram::1000000000000001:role/vault".
	ARN string
	// SessionName appears in Alibaba Cloud's audit records. Empty means "vault-alicloudkms".
	SessionName string
	// ExternalID is for trust policies that require one.
	ExternalID string
	// Duration is how long a session lasts, 15 minutes to 12 hours, and no longer than the role allows. 0 means an
	// hour.
	Duration time.Duration
	// Region and Network choose the STS endpoint: sts.aliyuncs.com, or the region's endpoint within a VPC.
	Region  string
	Network kmsapi.Network
	// Endpoint overrides that choice. It has the form of [client.Config.Endpoint].
	Endpoint string
	// CACert holds the PEM certificates of authorities to trust in addition to those of the system.
	CACert string
	// Proxy returns the proxy of requests to STS, as in [client.Config].
	Proxy func(*http.Request) (*url.URL, error) `json:"-"`
}

// The formats that STS documents.
var (
	roleARN     = regexp.MustCompile(`^acs:ram::[0-9]{1,32}:role/[A-Za-z0-9.\-]{1,64}$`)
	sessionName = regexp.MustCompile(`^[A-Za-z0-9.@\-_]{2,64}$`)
	// regionID matches every region, but not the hosts of other products, such as oss-cn-hangzhou.
	regionID   = regexp.MustCompile(`^(cn|ap|us|eu|me|na|sa|af)(-[a-z0-9]+)+$`)
	externalID = regexp.MustCompile(`^[A-Za-z0-9=,.@:/\-_]{2,}$`)
)

// check refuses what STS would refuse. Errors show no value.
func (r Role) check() error {
	switch {
	case !roleARN.MatchString(r.ARN):
		return unusable("Role.ARN", "is not the ARN of a role, such as acs:ram::1000000000000001:role/vault")
	case !sessionName.MatchString(r.SessionName):
		return unusable("Role.SessionName", "must be 2 to 64 letters, digits or . @ - _")
	case r.ExternalID != "" && (!externalID.MatchString(r.ExternalID) || len(r.ExternalID) > maxExternalID):
		return unusable("Role.ExternalID", "must be 2 to 1224 letters, digits or = , . @ : / - _")
	case r.Duration < minDuration || r.Duration > maxDuration:
		return unusable("Role.Duration", "must be %s to %s", minDuration, maxDuration)
	case r.CACert != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(r.CACert)):
		return unusable("Role.CACert", "holds no PEM certificate")
	default:
		return nil
	}
}

// endpoint returns the URL of STS.
func (r Role) endpoint() (*url.URL, error) {
	switch {
	case r.Endpoint != "":
		u, err := client.ParseEndpoint(r.Endpoint)
		if err != nil {
			return nil, unusable("Role.Endpoint", "%w", err)
		}
		return u, nil
	case r.Network == kmsapi.NetworkVPC:
		region := cmp.Or(r.Region, kmsapi.DefaultRegion)
		if !regionID.MatchString(region) {
			return nil, unusable("Role.Region", "has no STS endpoint in a VPC; give the endpoint of STS")
		}
		return client.ParseEndpoint("sts-vpc." + region + ".aliyuncs.com")
	default:
		return client.ParseEndpoint("sts.aliyuncs.com")
	}
}

// A role assumes a [Role] with the credentials of base.
type role struct {
	Role
	base  client.Provider
	clock func() time.Time
	sts   *url.URL
	// transport is created on first use, since it reads the system's certificates.
	transport func() *http.Transport
}

func newRole(r Role, base client.Provider, clock func() time.Time) (*role, error) {
	if r.SessionName == "" {
		r.SessionName = defaultSessionName
	}
	if r.Duration == 0 {
		r.Duration = defaultDuration
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	sts, err := r.endpoint()
	if err != nil {
		return nil, err
	}
	transport := sync.OnceValue(func() *http.Transport { return cloudcall.NewTransport(r.CACert, r.Proxy) })
	return &role{Role: r, base: base, clock: clock, sts: sts, transport: transport}, nil
}

// fetch starts a new session. If STS refuses the credentials of base, base is asked once for others.
func (r *role) fetch(ctx context.Context, _ bool) (lease, error) {
	signer, err := r.base.Credentials(ctx)
	if err != nil {
		return lease{}, err
	}
	got, err := r.assume(ctx, signer)
	refused, ok := errors.AsType[*STSError](err)
	refresher, can := r.base.(client.Refresher)
	if !ok || !can || !refused.Code.Kind().BlamesCredentials() {
		return got, err
	}
	fresh, refreshErr := refresher.Refresh(ctx, signer)
	switch {
	case refreshErr != nil:
		return lease{}, fmt.Errorf("%w; and there are no other credentials: %w", err, refreshErr)
	case fresh.Equal(signer):
		return got, err
	default:
		return r.assume(ctx, fresh)
	}
}

// assume calls AssumeRole with all parameters in the form body, which proxies don't log.
func (r *role) assume(ctx context.Context, signer client.Credentials) (lease, error) {
	params := kmsapi.Params{
		{Name: "Action", Value: "AssumeRole"},
		{Name: "Format", Value: "JSON"},
		{Name: "RoleArn", Value: r.ARN},
		{Name: "RoleSessionName", Value: r.SessionName},
		{Name: "DurationSeconds", Value: strconv.Itoa(int(r.Duration.Seconds()))},
	}
	if r.ExternalID != "" {
		params = params.Add("ExternalId", r.ExternalID)
	}
	signed := signature.SignV1For(stsVersion, http.MethodPost, params, signer, rand.Text(), r.clock())
	answer, err := r.post(ctx, signed.Form())
	if err != nil {
		return lease{}, err
	}
	return r.lease(answer)
}

// lease returns the session in STS's answer. Its lifetime is measured by STS's own clock.
func (r *role) lease(a *stsAnswer) (lease, error) {
	now, c := r.clock(), a.Credentials
	lifetime := c.Expiration.Sub(now)
	if !a.date.IsZero() {
		lifetime = c.Expiration.Sub(a.date)
	}
	if c.AccessKeyId == "" || c.AccessKeySecret.IsEmpty() || c.SecurityToken.IsEmpty() || lifetime <= 0 {
		return lease{}, r.failed(errNoSession)
	}
	return lease{
		credentials: client.Credentials{
			AccessKeyID: c.AccessKeyId, AccessKeySecret: c.AccessKeySecret, SecurityToken: c.SecurityToken,
		},
		expires:   now.Add(lifetime),
		refreshAt: now.Add(lifetime * 2 / 3),
	}, nil
}
