from healthhub.databases import from_url


def test_an_address_with_everything_is_taken_apart():
    entry = from_url("postgresql://hub:p%40ss@db.example:6432/city?sslmode=require&connect_timeout=5")
    assert {key: entry[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME", "OPTIONS")} == {
        "USER": "hub",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "6432",
        "NAME": "city",
        "OPTIONS": {"sslmode": "require", "connect_timeout": "5"},
    }


def test_a_socket_address_names_its_folder_as_host():
    entry = from_url("postgresql://healthhub@/healthhub?host=/run/hub&port=5432")
    assert (entry["HOST"], entry["PORT"], entry["PASSWORD"], entry["OPTIONS"]) == ("/run/hub", "5432", "", {})
