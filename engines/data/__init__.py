"""What people bring, whatever its domain: archives unpacked safely, tables read as they are, splits without leaks.
It knows nothing of images or text, and every complaint it has is an `InputError` or a `Skipped`."""
