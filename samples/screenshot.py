"""Makes samples/report.png, the picture in README.md, from samples/triangle.html with the system's Chromium.

Usage: python samples/screenshot.py [PICTURE]   (needs playwright, which the test extra installs)
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
SIZE = {"width": 1400, "height": 900}


def main(picture: Path) -> None:
    """Write the picture of the page's first screen, in light colours."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("samples/screenshot.py needs Chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        page.goto((HERE / "triangle.html").resolve().as_uri())
        page.wait_for_selector(".code .t")
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "report.png")
