import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A certificate for localhost that nothing trusts but the tests that are given it. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUKAWiC8ysvBmqBL+16LucgRW8bDIwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTAyNDMzOVoYDzIxMjYxMDI4
MDI0MzM5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASsbo8mIPa57AFpJBEFfYaH8j5jwZhcIsJK0c1RMoA3tmmDkEuep/0y
7touxL2KdvUPWq/qTXsjIuNTU1bwMrpko28wbTAdBgNVHQ4EFgQUgAHmevwxQ43a
yxxIOLpLKAZkvpIwHwYDVR0jBBgwFoAUgAHmevwxQ43ayxxIOLpLKAZkvpIwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAKV9eAhlZBJ4uVgt1jlkF3Ojibzt4O/COCxdY+6K/alyAiBB
Maj/q4alPEJSz5zVc+RKr1wkmEw0sjJse7R96yYW6Q==
-----END CERTIFICATE-----
`

export const certificateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg6VTq+pYIPGRUAHmW
EofwP7+hkdn87AtAK+HScfa0HjWhRANCAASsbo8mIPa57AFpJBEFfYaH8j5jwZhc
IsJK0c1RMoA3tmmDkEuep/0y7touxL2KdvUPWq/qTXsjIuNTU1bwMrpk
-----END PRIVATE KEY-----
`

/** Writes both into a directory. @returns the settings with which a hub speaks TLS */
export function certificateSettings(dir: string) {
  const settings = { HEARTH_TLS_CERT: join(dir, 'cert.pem'), HEARTH_TLS_KEY: join(dir, 'key.pem') }
  writeFileSync(settings.HEARTH_TLS_CERT, certificate)
  writeFileSync(settings.HEARTH_TLS_KEY, certificateKey)
  return settings
}
