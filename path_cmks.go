package alicloudkms

import "github.com/hashicorp/vault/sdk/framework"

func (b *backend) cmkPaths() []*framework.Path { return nil }
